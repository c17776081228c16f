using ScottPlot;

namespace Skipwise.Reports.Plots;

/// <summary>Plots a quantity by another, one line with markers per series.</summary>
internal static class LinesPlot
{
    /// <summary>The plot.</summary>
    /// <param name="title">for screen readers, before the names of the series</param>
    /// <param name="xTitle">quantity and unit of the horizontal axis, which begins at 0</param>
    /// <param name="yTitle">quantity and unit of the vertical axis</param>
    /// <param name="fromZero">whether the vertical axis begins at 0, for quantities whose ratio counts</param>
    /// <param name="lines">points by series</param>
    public static Figure Figure(string title, string xTitle, string yTitle, bool fromZero,
        IReadOnlyDictionary<string, IReadOnlyList<(double X, double Y)>> lines, ModelLegend legend) =>
        new($"{title}: {string.Join(", ", legend.Ordered(lines.Keys).Select(legend.Label))}",
            look => Draw(look.NewPlot(xTitle, yTitle), look, fromZero, lines, legend));

    private static Plot Draw(Plot plot, PlotLook look, bool fromZero,
        IReadOnlyDictionary<string, IReadOnlyList<(double X, double Y)>> lines, ModelLegend legend)
    {
        foreach (string name in legend.Ordered(lines.Keys))
        {
            SeriesStyle style = legend.Style(name);
            (double X, double Y)[] points = [.. lines[name].Where(point => double.IsFinite(point.Y))];
            ScottPlot.Plottables.Scatter line =
                plot.Add.Scatter(points.Select(point => point.X).ToArray(), points.Select(point => point.Y).ToArray(), style.Color);
            line.LineWidth = 2;
            line.MarkerSize = 8;
            line.MarkerShape = style.Marker;
            line.LegendText = legend.Label(name);
        }
        plot.Axes.AutoScale();
        plot.Axes.SetLimits(left: 0);
        if (fromZero)
        {
            plot.Axes.SetLimits(bottom: 0);
        }
        look.AddLegend(plot);
        return plot;
    }
}
