using ScottPlot;

namespace Skipwise.Reports.Plots;

/// <summary>A plot that can be drawn for any place: inside a page (SVG in the page's own colours) or as a picture file.</summary>
public sealed class Figure
{
    private readonly Func<PlotLook, Plot> _draw;
    private readonly Func<PlotLook, int> _height;

    /// <param name="height">px at a look, for a plot whose content decides it; null takes the look's</param>
    internal Figure(string title, Func<PlotLook, Plot> draw, Func<PlotLook, int>? height = null)
    {
        Title = title;
        _draw = draw;
        _height = height ?? (look => look.Height);
    }

    /// <summary>what a reader who cannot see the plot is told</summary>
    public string Title { get; }

    /// <summary>An SVG element to stand inside HTML. Text and axes take the page's text colour; nothing outside it is referenced.</summary>
    /// <param name="look">size and colours</param>
    /// <param name="id">unique in the page: an SVG's own ids are page-wide once it is inline</param>
    public string Svg(PlotLook look, string id) => PlotSvg.Inline(Drawn(look), id, Title);

    /// <summary>An SVG file that stands alone, on the look's paper. A reader without the plots' font sees another sans-serif.</summary>
    public string SvgFile(PlotLook look) => PlotSvg.Standalone(Drawn(look), Title);

    /// <summary>A PNG file, on the look's paper.</summary>
    public byte[] Png(PlotLook look) => _draw(look).GetImageBytes(look.Width, _height(look), ImageFormat.Png);

    private string Drawn(PlotLook look) => _draw(look).GetSvgXml(look.Width, _height(look));
}
