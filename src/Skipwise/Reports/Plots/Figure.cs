using ScottPlot;

namespace Skipwise.Reports.Plots;

/// <summary>A plot that can be drawn inside a page (SVG in the page's colours) or as a picture file.</summary>
internal sealed class Figure
{
    private readonly Func<PlotLook, Plot> _draw;
    private readonly Func<PlotLook, int> _height;

    /// <param name="height">height in px at a look, for a plot whose content determines it; null: the look's</param>
    internal Figure(string title, Func<PlotLook, Plot> draw, Func<PlotLook, int>? height = null)
    {
        Title = title;
        _draw = draw;
        _height = height ?? (look => look.Height);
    }

    /// <summary>description for screen readers</summary>
    public string Title { get; }

    /// <summary>An SVG element for embedding in HTML, without external references. Text and axes have the page's text colour.</summary>
    /// <param name="look">size and colours</param>
    /// <param name="id">prefix of ids, unique in the page, because ids of an inline SVG are page-wide</param>
    public string Svg(PlotLook look, string id) => PlotSvg.Inline(Drawn(look), id, Title);

    /// <summary>A standalone SVG file on the look's background. Without the plots' font it is shown in another sans-serif font.</summary>
    public string SvgFile(PlotLook look) => PlotSvg.Standalone(Drawn(look), Title);

    /// <summary>A PNG file on the look's background.</summary>
    public byte[] Png(PlotLook look) => _draw(look).GetImageBytes(look.Width, _height(look), ImageFormat.Png);

    private string Drawn(PlotLook look) => _draw(look).GetSvgXml(look.Width, _height(look));
}
