using System.Xml.Linq;

namespace Skipwise.Reports.Plots;

/// <summary>Makes a stand-alone SVG document fit to stand inside a page.</summary>
internal static class InlineSvg
{
    /// <param name="document">the plotting library's SVG</param>
    /// <param name="id">goes before every id inside</param>
    /// <param name="title">for readers who cannot see it</param>
    public static string From(string document, string id, string title)
    {
        XElement svg = XDocument.Parse(document.TrimEnd('\0', ' ', '\n')).Root!;
        svg.SetAttributeValue("viewBox", $"0 0 {svg.Attribute("width")!.Value} {svg.Attribute("height")!.Value}");
        svg.Attributes().Where(a => a.Name.LocalName is "width" or "height" or "xlink").Remove();
        svg.SetAttributeValue("role", "img");
        svg.AddFirst(new XElement(svg.Name.Namespace + "title", title));
        string ink = PlotLook.InkMark.ToHex();
        foreach (XElement element in svg.Descendants())
        {
            foreach (XAttribute attribute in element.Attributes())
            {
                attribute.Value = attribute switch
                {
                    _ when attribute.Value.Equals(ink, StringComparison.OrdinalIgnoreCase) => "currentColor",
                    { Name.LocalName: "id" } => id + attribute.Value,
                    _ => attribute.Value.Replace("url(#", $"url(#{id}", StringComparison.Ordinal),
                };
            }
            if (element.Name.LocalName == "text")
            {
                TidyText(element);
            }
        }
        return svg.ToString(SaveOptions.DisableFormatting);
    }

    // Skia writes a position per letter with a comma behind the last, and indents the letters themselves.
    private static void TidyText(XElement text)
    {
        text.Value = text.Value.Trim();
        text.Attribute("font-family")?.Remove(); // the page's style sheet names the font, and the page carries it
        foreach (string name in (string[])["x", "y"])
        {
            if (text.Attribute(name) is { } list)
            {
                list.Value = list.Value.TrimEnd(' ', ',');
            }
        }
    }
}
