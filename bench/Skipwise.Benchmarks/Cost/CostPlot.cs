using System.Globalization;
using ScottPlot;
using ScottPlot.Plottables;
using ScottPlot.TickGenerators;
using Skipwise.Reports.Plots;

namespace Skipwise.Benchmarks.Cost;

/// <summary>Time and memory of a series on logarithmic axes, each with its fitted law.</summary>
internal static class CostPlot
{
    private const int CurvePoints = 100;

    public static Figure Of(CostSeries series, IReadOnlyList<CostPoint> points) => new(series.Title, look => Draw(look, series, points));

    /// <summary>A time in three digits, with its unit.</summary>
    public static string Seconds(double value) =>
        value >= 1 ? FormattableString.Invariant($"{value:G3} s") : FormattableString.Invariant($"{value * 1e3:G3} ms");

    /// <summary>A size in three digits, with its unit.</summary>
    public static string Mebibytes(double value) =>
        value >= 100 ? FormattableString.Invariant($"{value:0} MiB") : FormattableString.Invariant($"{value:G3} MiB");

    private static Plot Draw(PlotLook look, CostSeries series, IReadOnlyList<CostPoint> points)
    {
        Plot plot = look.NewPlot($"{series.Axis}, n = {CostFit.Short(series.N)}", series.IsByWall ? "time (s)" : "CPU time (s)");
        IYAxis right = plot.Axes.Right;
        right.Label.Text = "peak memory (MiB)";
        right.Label.Bold = false;
        right.Label.FontSize = plot.Axes.Left.Label.FontSize;
        right.TickLabelStyle.FontSize = plot.Axes.Left.TickLabelStyle.FontSize;
        right.MinorTickStyle.Length = 0;
        (double X, double Y)[] times = series.Times(points), sizes = CostSeries.Sizes(points);
        Add(plot, times, plot.Axes.Left, 2, "time: " + CostFit.Of(times).Describe(Seconds, series.N));
        Add(plot, sizes, right, 4, "memory: " + CostFit.Of(sizes).Describe(Mebibytes, series.N));
        plot.Axes.Bottom.TickGenerator = Ticks(times.Select(point => point.X));
        SetAxis(plot.Axes.Left, times.Select(point => point.Y));
        SetAxis(right, sizes.Select(point => point.Y));
        double low = Math.Log10(times.Min(point => point.X)), high = Math.Log10(times.Max(point => point.X));
        plot.Axes.SetLimitsX(low - (0.05 * (high - low)), high + (0.05 * (high - low)));
        look.AddLegend(plot);
        return plot;
    }

    private static void Add(Plot plot, (double X, double Y)[] points, IYAxis axis, int color, string label)
    {
        CostFit fit = CostFit.Of(points);
        Scatter measured = plot.Add.ScatterPoints(points.Select(point => Math.Log10(point.X)).ToArray(),
            points.Select(point => Math.Log10(point.Y)).ToArray(), SeriesStyle.Part(color));
        (measured.MarkerSize, measured.Axes.YAxis) = (8, axis);
        double low = Math.Log10(points.Min(point => point.X)), high = Math.Log10(points.Max(point => point.X));
        double[] x = [.. Enumerable.Range(0, CurvePoints + 1).Select(i => low + ((high - low) * i / CurvePoints))];
        Scatter curve = plot.Add.ScatterLine(x, x.Select(at => Math.Log10(fit.At(Math.Pow(10, at)))).ToArray(), SeriesStyle.Part(color));
        (curve.LineWidth, curve.LegendText, curve.Axes.YAxis) = (2, label, axis);
    }

    /// <summary>Ticks at whole decades, or at more digits where there are few decades.</summary>
    private static void SetAxis(IYAxis axis, IEnumerable<double> values)
    {
        double low = Math.Log10(values.Min()), high = Math.Log10(values.Max());
        double margin = Math.Max(0.2, 0.12 * (high - low));
        (axis.Range.Min, axis.Range.Max) = (low - margin, high + margin);
        double[] digits = (high - low) switch { > 2.5 => [1], > 0.3 => [1, 2, 5], _ => [1, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 9] };
        double[] ticks = [.. Enumerable.Range((int)Math.Floor(low - margin), (int)Math.Ceiling(high - low + (2 * margin)) + 2)
            .SelectMany(decade => digits.Select(digit => Math.Log10(digit) + decade))];
        axis.TickGenerator = new NumericManual(
            ticks, [.. ticks.Select(tick => Math.Pow(10, tick).ToString("0.####", CultureInfo.InvariantCulture))]);
    }

    private static NumericManual Ticks(IEnumerable<double> values)
    {
        double[] all = [.. values];
        return new([.. all.Select(Math.Log10)], [.. all.Select(Name)]);
    }

    private static string Name(double value) => value % 1024 == 0 && value < 1 << 20
        ? FormattableString.Invariant($"{value / 1024} k") : value == 1 << 20 ? "1 M" : CostFit.Short(value);
}
