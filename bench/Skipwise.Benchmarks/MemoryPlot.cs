using ScottPlot;
using Skipwise.Reports.Plots;

namespace Skipwise.Benchmarks;

/// <summary>Peak memory by length, both axes linear: the points, the straight line nearest to them, and the part of the keys and
/// values.</summary>
internal static class MemoryPlot
{
    public static Figure Of(IReadOnlyList<MemoryPoint> points) => new("Peak memory by window length", look => Draw(look, points));

    private static Plot Draw(PlotLook look, IReadOnlyList<MemoryPoint> points)
    {
        Plot plot = look.NewPlot("window (x 1024 tokens)", "memory (MiB)");
        double[] x = [.. points.Select(point => point.Tokens / 1024.0)];
        AddCurve(plot, x, [.. points.Select(point => point.PeakRssMib)], 2, "peak of the process").LineWidth = 0;
        if (points.Count > 1)
        {
            var line = new ScottPlot.Statistics.LinearRegression(x, [.. points.Select(point => point.PeakRssMib)]);
            AddCurve(plot, [0, x[^1]], [line.GetValue(0), line.GetValue(x[^1])], 2,
                $"{line.Offset:0} MiB + {line.Slope:0.0} KiB a token").MarkerSize = 0;
        }
        AddCurve(plot, x, [.. points.Select(point => point.CacheMib)], 3, "keys and values alone");
        plot.Axes.AutoScale();
        plot.Axes.SetLimits(left: 0, bottom: 0);
        plot.Axes.Bottom.TickGenerator = new ScottPlot.TickGenerators.NumericFixedInterval(16);
        look.AddLegend(plot);
        return plot;
    }

    private static ScottPlot.Plottables.Scatter AddCurve(Plot plot, double[] x, double[] y, int colour, string label)
    {
        ScottPlot.Plottables.Scatter curve = plot.Add.Scatter(x, y, SeriesStyle.Part(colour));
        curve.LineWidth = 2;
        curve.MarkerSize = 8;
        curve.LegendText = label;
        return curve;
    }
}
