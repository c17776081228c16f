using ScottPlot;

namespace Skipwise.Reports.Plots;

/// <summary>
/// Plots a value by length, one line per model, with 95 % error bars. A model beyond its window can be ten times worse than the others,
/// whose differences would vanish on a common axis. So a perplexity's axis ends above the values up to <see cref="Ceiling"/>; larger
/// values are written at the upper edge, next to arrows.
/// </summary>
internal static class LengthPlot
{
    /// <summary>A plot of perplexity by window.</summary>
    public static Figure Perplexity(IReadOnlyList<LengthPoint> points, int trainLength, ModelLegend legend) =>
        new(Title("Perplexity by window", points, legend),
            look => Draw(look, "window (tokens)", "perplexity", points, Ceiling(points), trainLength, legend));

    /// <summary>A plot of accuracy, 0..1, by prompt length.</summary>
    public static Figure Accuracy(string title, IReadOnlyList<LengthPoint> points, int trainLength, ModelLegend legend) =>
        new(Title(title, points, legend),
            look => Draw(look, "prompt (tokens)", "accuracy", points, double.PositiveInfinity, trainLength, legend));

    /// <summary>A plot of loss by position in a window; a point's length is its position.</summary>
    public static Figure LossByPosition(IReadOnlyList<LengthPoint> points, int trainLength, ModelLegend legend) =>
        new(Title("Loss by position", points, legend),
            look => Draw(look, "position (tokens)", "loss (nats per token)", points, Ceiling(points), trainLength, legend));

    /// <summary>The largest perplexity drawn to scale: twice the smallest one.</summary>
    public static double Ceiling(IReadOnlyList<LengthPoint> points) => 2 * points.Min(p => p.Value);

    private static string Title(string title, IReadOnlyList<LengthPoint> points, ModelLegend legend) =>
        $"{title}: {string.Join(", ", legend.Ordered(points.Select(p => p.Series)).Select(legend.Label))}";

    private static Plot Draw(PlotLook look, string xTitle, string yTitle, IReadOnlyList<LengthPoint> points, double ceiling,
        int trainLength, ModelLegend legend)
    {
        Plot plot = look.NewPlot(xTitle, yTitle);
        LengthPoint[] shown = [.. points.Where(p => p.Value <= ceiling && double.IsFinite(p.Value))];
        double bottom = shown.Select(p => p.Value - Reach(p).Below).DefaultIfEmpty(0).Min(),
            top = shown.Select(p => p.Value + Reach(p).Above).DefaultIfEmpty(1).Max();
        double margin = 0.06 * Math.Max(Math.Max(top - bottom, 0.1 * top), 0.01), rowHeight = margin * (look.IsNarrow ? 1.8 : 1.6);
        foreach (string series in legend.Ordered(points.Select(p => p.Series)))
        {
            LengthPoint[] line = [.. points.Where(p => p.Series == series && double.IsFinite(p.Value)).OrderBy(p => p.Length)];
            AddCurve(plot, line, legend.Style(series), legend.Label(series));
            AddErrorBars(plot, [.. line.Where(shown.Contains)], legend.Style(series).Color);
        }
        int rows = 0;
        foreach (IGrouping<int, LengthPoint> length in points.Except(shown).GroupBy(p => p.Length))
        {
            int row = 0;
            foreach (LengthPoint clipped in length.OrderBy(p => p.Value))
            {
                AddNumber(plot, look, clipped, legend.Style(clipped.Series).Color, trainLength, top + margin + (rowHeight * (row + 0.5)));
                row++;
            }
            rows = Math.Max(rows, row);
        }
        plot.Axes.SetLimitsY(bottom - margin, top + margin + (rowHeight * rows));
        WindowAxis.Apply(plot, look, [.. points.Select(p => p.Length).Distinct().Order()], trainLength);
        look.AddLegend(plot);
        return plot;
    }

    private static void AddCurve(Plot plot, LengthPoint[] line, SeriesStyle style, string label)
    {
        ScottPlot.Plottables.Scatter curve = plot.Add.Scatter(
            line.Select(p => WindowAxis.At(p.Length)).ToArray(), line.Select(p => p.Value).ToArray(), style.Color);
        curve.LineWidth = 2;
        curve.MarkerSize = 8;
        curve.MarkerShape = style.Marker;
        curve.LegendText = label;
    }

    private static void AddErrorBars(Plot plot, LengthPoint[] line, Color color)
    {
        if (line.Length == 0)
        {
            return;
        }
        ScottPlot.Plottables.ErrorBar bars = plot.Add.ErrorBar(
            line.Select(p => WindowAxis.At(p.Length)).ToArray(), line.Select(p => p.Value).ToArray(),
            line.Select(p => Reach(p).Above).ToArray());
        bars.YErrorNegative = line.Select(p => Reach(p).Below).ToArray();
        bars.Color = color;
        bars.LineWidth = 1.2f;
    }

    private static void AddNumber(Plot plot, PlotLook look, LengthPoint clipped, Color color, int trainLength, double y)
    {
        ScottPlot.Plottables.Text number = plot.Add.Text($"↑{NumberFormat.Perplexity(clipped.Value)}", WindowAxis.At(clipped.Length), y);
        number.LabelFontColor = color;
        number.LabelFontName = PlotFont.Name;
        number.LabelFontSize = look.IsNarrow ? 11 : 12;
        number.LabelAlignment = clipped.Length == trainLength ? Alignment.MiddleLeft : Alignment.MiddleCenter; // next to the marker
    }

    /// <summary>The two parts of a point's error bar: a 95 % interval.</summary>
    private static (double Below, double Above) Reach(LengthPoint point)
    {
        (double low, double high) = point.Interval
            ?? (point.Value - (1.96 * point.StandardError), point.Value + (1.96 * point.StandardError));
        return double.IsFinite(low) && double.IsFinite(high) ? (point.Value - low, high - point.Value) : (0, 0);
    }
}
