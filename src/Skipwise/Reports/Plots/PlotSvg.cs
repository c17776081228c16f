using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using System.Xml;
using System.Xml.Linq;

namespace Skipwise.Reports.Plots;

/// <summary>Adapts the plotting library's SVG for embedding in a page, or as a file.</summary>
internal static partial class PlotSvg
{
    /// <summary>Fonts with similar metrics to the embedded font, for standalone files.</summary>
    private const string LikeTheFont = "DejaVu Sans, Verdana, sans-serif";

    /// <summary>An element for a page, with the page's text colour and font, and the width of its container.</summary>
    /// <param name="document">the plotting library's SVG</param>
    /// <param name="id">prefix of every id inside</param>
    /// <param name="title">for screen readers</param>
    public static string Inline(string document, string id, string title)
    {
        XElement svg = Titled(document, title);
        svg.Attributes().Where(a => a.Name.LocalName is "width" or "height" or "xlink").Remove();
        NameIds(svg, id);
        string ink = PlotLook.InkMark.ToHex();
        foreach (XElement element in svg.Descendants())
        {
            foreach (XAttribute attribute in element.Attributes()
                .Where(attribute => attribute.Value.Equals(ink, StringComparison.OrdinalIgnoreCase)))
            {
                attribute.Value = "currentColor";
            }
            element.Attribute("font-family")?.Remove(); // the page's style sheet defines and embeds the font
        }
        return svg.ToString(SaveOptions.DisableFormatting);
    }

    /// <summary>A standalone file.</summary>
    public static string Standalone(string document, string title)
    {
        XElement svg = Titled(document, title);
        NameIds(svg, "");
        foreach (XElement text in svg.Descendants().Where(element => element.Attribute("font-family") is not null))
        {
            text.SetAttributeValue("font-family", LikeTheFont);
        }
        return svg.ToString(SaveOptions.DisableFormatting) + "\n";
    }

    /// <summary>Renumbers ids within the plot, so that equal plots are equal texts; Skia numbers its clips per process.</summary>
    private static void NameIds(XElement svg, string prefix)
    {
        var names = svg.Descendants().Attributes("id").Select((id, i) => (id.Value, Name: $"{prefix}clip{i}"))
            .ToDictionary(id => $"url(#{id.Value})", id => id.Name);
        foreach (XAttribute attribute in svg.Descendants().Attributes())
        {
            if (attribute.Name.LocalName == "id")
            {
                attribute.Value = names[$"url(#{attribute.Value})"];
            }
            else if (names.TryGetValue(attribute.Value, out string? name))
            {
                attribute.Value = $"url(#{name})";
            }
        }
    }

    private static XElement Titled(string document, string title)
    {
        XElement svg = XDocument.Parse(Writable(document.TrimEnd('\0', ' ', '\n'))).Root!;
        svg.SetAttributeValue("viewBox", $"0 0 {svg.Attribute("width")!.Value} {svg.Attribute("height")!.Value}");
        svg.SetAttributeValue("role", "img");
        svg.AddFirst(new XElement(svg.Name.Namespace + "title", Writable(title)));
        foreach (XElement text in svg.Descendants().Where(element => element.Name.LocalName == "text"))
        {
            Tidy(text);
        }
        return svg;
    }

    /// <summary>Replaces characters that XML cannot contain, literally or as a reference, which a model's name may have.</summary>
    private static string Writable(string text)
    {
        string named = Reference().Replace(text, match => IsWritable(match.Groups[1].Value) ? match.Value : "\uFFFD");
        var written = new StringBuilder(named.Length);
        foreach (Rune rune in named.EnumerateRunes()) // lone surrogates become U+FFFD
        {
            bool isWritable = !rune.IsBmp || XmlConvert.IsXmlChar((char)rune.Value);
            written.Append(isWritable ? rune.ToString() : "\uFFFD");
        }
        return written.ToString();
    }

    /// <summary>Whether XML allows a character reference.</summary>
    /// <param name="number">the text between &amp;# and ;</param>
    private static bool IsWritable(string number) =>
        (number[0] is 'x' or 'X'
            ? int.TryParse(number.AsSpan(1), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out int code)
            : int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out code))
        && Rune.IsValid(code) && (code > char.MaxValue || XmlConvert.IsXmlChar((char)code));

    [GeneratedRegex("&#([xX]?[0-9a-fA-F]+);")]
    private static partial Regex Reference();

    // Skia writes a position per letter with a comma after the last, and indents the letters themselves.
    private static void Tidy(XElement text)
    {
        text.Value = text.Value.Trim();
        foreach (string name in (string[])["x", "y"])
        {
            if (text.Attribute(name) is { } list)
            {
                list.Value = list.Value.TrimEnd(' ', ',');
            }
        }
    }
}
