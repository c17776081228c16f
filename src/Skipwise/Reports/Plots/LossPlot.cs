using ScottPlot;

namespace Skipwise.Reports.Plots;

/// <summary>Plots the loss by step of each fine-tune: every step faintly, and a moving average.</summary>
internal static class LossPlot
{
    /// <summary>Largest number of points per curve; the plot has not many more pixels.</summary>
    private const int MaximumPoints = 400;

    /// <summary>The plot.</summary>
    public static Figure Figure(IReadOnlyDictionary<string, IReadOnlyList<TrainingPoint>> training, ModelLegend legend) =>
        new($"Training loss by step: {string.Join(", ", training.Keys.Select(legend.Label))}", look => Draw(look, training, legend));

    private static Plot Draw(PlotLook look, IReadOnlyDictionary<string, IReadOnlyList<TrainingPoint>> training, ModelLegend legend)
    {
        Plot plot = look.NewPlot("step", "loss (nats per token)");
        foreach (string variant in legend.Ordered(training.Keys))
        {
            TrainingPoint[] points = [.. training[variant].Where(p => double.IsFinite(p.Loss))];
            if (points.Length == 0)
            {
                continue;
            }
            SeriesStyle style = legend.Style(variant);
            double[] losses = [.. points.Select(p => p.Loss)];
            AddCurve(plot, points, losses, style.Color.WithAlpha(0.35), 1, "");
            AddCurve(plot, points, RunningMean(losses, Math.Max(1, losses.Length / 20)), style.Color, 2.5f, legend.Label(variant));
        }
        plot.Axes.AutoScale();
        look.AddLegend(plot);
        return plot;
    }

    private static void AddCurve(Plot plot, TrainingPoint[] points, double[] losses, Color color, float width, string label)
    {
        int stride = (points.Length + MaximumPoints - 1) / MaximumPoints;
        int[] shown = [.. Enumerable.Range(0, points.Length).Where(i => i % stride == 0 || i == points.Length - 1)];
        ScottPlot.Plottables.Scatter curve = plot.Add.ScatterLine(
            shown.Select(i => (double)points[i].Step).ToArray(), shown.Select(i => losses[i]).ToArray(), color);
        curve.LineWidth = width;
        curve.LegendText = label;
    }

    /// <summary>The moving average: the mean of each value and up to <paramref name="reach"/> neighbours on either side.</summary>
    internal static double[] RunningMean(double[] values, int reach) =>
    [
        .. Enumerable.Range(0, values.Length).Select(i =>
            values[Math.Max(0, i - reach)..Math.Min(values.Length, i + reach + 1)].Average()),
    ];
}
