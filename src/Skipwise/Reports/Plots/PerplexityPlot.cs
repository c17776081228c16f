using ScottPlot;

namespace Skipwise.Reports.Plots;

/// <summary>
/// Perplexity by window, one line per variant, 95 % error bars. A model past its window can be ten times worse than the others: on one
/// axis the others' differences would vanish. So values above <see cref="Ceiling"/> stand at the upper edge as arrows with their number.
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
        double arrows = top + 0.08 * (top - bottom), numberStep = 0.075 * (top - bottom) * (look.IsNarrow ? 1.15 : 1);
        int deepest = 0;
        foreach (string variant in DemoVariant.Ordered(points.Select(p => p.Variant)))
        {
            SeriesStyle style = SeriesStyle.Of(variant);
            PerplexityPoint[] line = [.. points.Where(p => p.Variant == variant).OrderBy(p => p.Length)];
            ScottPlot.Plottables.Scatter curve = plot.Add.Scatter(
                line.Select(p => WindowAxis.At(p.Length)).ToArray(), line.Select(p => Math.Min(p.Value, arrows)).ToArray(), style.Color);
            curve.LineWidth = 2;
            curve.MarkerSize = 8;
            curve.MarkerShape = style.Marker;
            curve.LegendText = DemoVariant.Label(variant);
            AddErrorBars(plot, [.. line.Where(shown.Contains)], style.Color);
            foreach (PerplexityPoint clipped in line.Except(shown))
            {
                int rank = points.Count(p => p.Length == clipped.Length && !shown.Contains(p) && (p.Value < clipped.Value));
                deepest = Math.Max(deepest, rank + 1);
                AddClipped(plot, look, clipped, arrows + (numberStep * (rank + 0.5)), style.Color);
            }
        }
        double margin = 0.06 * (top - bottom);
        plot.Axes.SetLimitsY(bottom - margin, deepest == 0 ? top + margin : arrows + (numberStep * (deepest + 0.6)));
        int[] lengths = [.. points.Select(p => p.Length).Distinct().Order()];
        WindowAxis.Apply(plot, look, lengths, trainLength);
        look.AddLegend(plot);
        return plot;
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

    private static void AddClipped(Plot plot, PlotLook look, PerplexityPoint point, double y, Color color)
    {
        ScottPlot.Plottables.Text number = plot.Add.Text($"↑{Format.Perplexity(point.Value)}", WindowAxis.At(point.Length), y);
        number.LabelFontColor = color;
        number.LabelFontName = PlotFont.Name;
        number.LabelFontSize = look.IsNarrow ? 11 : 12;
        number.LabelAlignment = Alignment.MiddleCenter;
    }

    // 1.96 standard errors hold the true value in 95 of 100 draws of the documents.
    private static double Reach(PerplexityPoint point) => double.IsFinite(point.StandardError) ? 1.96 * point.StandardError : 0;
}
