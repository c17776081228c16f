using System.Net;
using System.Runtime.CompilerServices;
using System.Text;

namespace Skipwise.Reports;

/// <summary>A fragment of HTML. Its constructors encode every value, so a model's name or answer can never become markup.</summary>
internal readonly record struct Html
{
    private readonly string? _markup;

    private Html(string markup) => _markup = markup;

    /// <summary>The empty fragment.</summary>
    public static Html Empty => default;

    /// <summary>A fragment from an interpolated string. Its literal text is markup; interpolated values are encoded, unless they are
    /// <see cref="Html"/>.</summary>
    public static Html Of(ref Builder markup) => new(markup.ToString());

    /// <summary>A fragment from markup of this library (an SVG, a style sheet), which is not encoded.</summary>
    internal static Html Trusted(string markup) => new(markup);

    /// <summary>Concatenates fragments.</summary>
    public static Html Join(IEnumerable<Html> parts) => new(string.Concat(parts));

    /// <inheritdoc/>
    public override string ToString() => _markup ?? "";

    /// <summary>The interpolated string handler of <see cref="Of"/>.</summary>
    [InterpolatedStringHandler]
    public readonly ref struct Builder
    {
        private readonly StringBuilder _text;

        /// <summary>Called by the compiler.</summary>
        public Builder(int literalLength, int formattedCount) => _text = new StringBuilder(literalLength + (16 * formattedCount));

        /// <summary>Appends markup.</summary>
        public void AppendLiteral(string literal) => _text.Append(literal);

        /// <summary>Appends a fragment.</summary>
        public void AppendFormatted(Html html) => _text.Append(html.ToString());

        /// <summary>Appends an encoded value.</summary>
        public void AppendFormatted<T>(T value) =>
            _text.Append(WebUtility.HtmlEncode(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{value}")));

        /// <inheritdoc/>
        public override string ToString() => _text.ToString();
    }
}
