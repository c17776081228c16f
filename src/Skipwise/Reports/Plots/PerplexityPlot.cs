using ScottPlot;

namespace Skipwise.Reports.Plots;

/// <summary>
/// Perplexity by window, one line per variant, 95 % error bars. A model past its window can be ten times worse than the others: on one
/// axis the others' differences would vanish. So the axis ends above the values up to <see cref="Ceiling"/>; a curve that leaves it has its
/// numbers at the upper edge, behind arrows.
/// </summary>
public static class PerplexityPlot
{
    public static Figure Figure(IReadOnlyList<PerplexityPoint> points, int trainLength) =>
        new($"Perplexity by window: {string.Join(", ", DemoVariant.Ordered(points.Select(p => p.Variant)).Select(DemoVariant.Label))}",
            look => Draw(look, points, trainLength));

    /// <summary>The largest value drawn to scale: twice the smallest one measured.</summary>
    public static double Ceiling(IReadOnlyList<PerplexityPoint> points) => 2 * points.Min(p => p.Value);

    private static Plot Draw(PlotLook look, IReadOnlyList<PerplexityPoint> points, int trainLength)
    {
        Plot plot = look.NewPlot("window (tokens)", "perplexity");
        PerplexityPoint[] shown = [.. points.Where(p => p.Value <= Ceiling(points))];
        double bottom = shown.Min(p => p.Value - Reach(p)), top = shown.Max(p => p.Value + Reach(p));
        double margin = 0.06 * Math.Max(top - bottom, 0.1 * top), rowHeight = margin * (look.IsNarrow ? 1.8 : 1.6);
        foreach (string variant in DemoVariant.Ordered(points.Select(p => p.Variant)))
        {
            PerplexityPoint[] line = [.. points.Where(p => p.Variant == variant && double.IsFinite(p.Value)).OrderBy(p => p.Length)];
            AddCurve(plot, line, SeriesStyle.Of(variant), DemoVariant.Label(variant));
            AddErrorBars(plot, [.. line.Where(shown.Contains)], SeriesStyle.Of(variant).Color);
        }
        int rows = 0;
        foreach (IGrouping<int, PerplexityPoint> window in points.Except(shown).GroupBy(p => p.Length))
        {
            int row = 0;
            foreach (PerplexityPoint clipped in window.OrderBy(p => p.Value))
            {
                AddNumber(plot, look, clipped, trainLength, top + margin + (rowHeight * (row + 0.5)));
                row++;
            }
            rows = Math.Max(rows, row);
        }
        plot.Axes.SetLimitsY(bottom - margin, top + margin + (rowHeight * rows));
        WindowAxis.Apply(plot, look, [.. points.Select(p => p.Length).Distinct().Order()], trainLength);
        look.AddLegend(plot);
        return plot;
    }

    private static void AddCurve(Plot plot, PerplexityPoint[] line, SeriesStyle style, string label)
    {
        ScottPlot.Plottables.Scatter curve = plot.Add.Scatter(
            line.Select(p => WindowAxis.At(p.Length)).ToArray(), line.Select(p => p.Value).ToArray(), style.Color);
        curve.LineWidth = 2;
        curve.MarkerSize = 8;
        curve.MarkerShape = style.Marker;
        curve.LegendText = label;
    }

    private static void AddErrorBars(Plot plot, PerplexityPoint[] line, Color color)
    {
        if (line.Length == 0)
        {
            return;
        }
        ScottPlot.Plottables.ErrorBar bars = plot.Add.ErrorBar(
            line.Select(p => WindowAxis.At(p.Length)).ToArray(), line.Select(p => p.Value).ToArray(), line.Select(Reach).ToArray());
        bars.Color = color;
        bars.LineWidth = 1.2f;
    }

    private static void AddNumber(Plot plot, PlotLook look, PerplexityPoint clipped, int trainLength, double y)
    {
        ScottPlot.Plottables.Text number = plot.Add.Text($"↑{Format.Perplexity(clipped.Value)}", WindowAxis.At(clipped.Length), y);
        number.LabelFontColor = SeriesStyle.Of(clipped.Variant).Color;
        number.LabelFontName = PlotFont.Name;
        number.LabelFontSize = look.IsNarrow ? 11 : 12;
        number.LabelAlignment = clipped.Length == trainLength ? Alignment.MiddleLeft : Alignment.MiddleCenter; // beside the mark, not on it
    }

    // 1.96 standard errors hold the true value in 95 of 100 draws of the documents.
    private static double Reach(PerplexityPoint point) => double.IsFinite(point.StandardError) ? 1.96 * point.StandardError : 0;
}
