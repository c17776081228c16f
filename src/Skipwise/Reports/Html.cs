using System.Net;
using System.Runtime.CompilerServices;
using System.Text;

namespace Skipwise.Reports;

/// <summary>A piece of HTML. The only ways to make one encode every value, so a model's name or answer can never become markup.</summary>
public readonly record struct Html
{
    private readonly string? _markup;

    private Html(string markup) => _markup = markup;

    public static Html Empty => default;

    /// <summary>Literal text of the interpolated string is markup; every value in its holes is encoded, unless it is itself
    /// <see cref="Html"/>.</summary>
    public static Html Of(ref Builder markup) => new(markup.ToString());

    /// <summary>Markup that another part of this library wrote (an SVG, a style sheet).</summary>
    internal static Html Trusted(string markup) => new(markup);

    public static Html Join(IEnumerable<Html> parts) => new(string.Concat(parts));

    public override string ToString() => _markup ?? "";

    /// <summary>What the compiler makes of <c>Html.Of($"...")</c>.</summary>
    [InterpolatedStringHandler]
    public readonly ref struct Builder
    {
        private readonly StringBuilder _text;

        public Builder(int literalLength, int formattedCount) => _text = new StringBuilder(literalLength + (16 * formattedCount));

        public void AppendLiteral(string literal) => _text.Append(literal);

        public void AppendFormatted(Html html) => _text.Append(html.ToString());

        public void AppendFormatted<T>(T value) =>
            _text.Append(WebUtility.HtmlEncode(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{value}")));

        public override string ToString() => _text.ToString();
    }
}
