using ScottPlot;
using ScottPlot.TickGenerators;

namespace Skipwise.Reports.Plots;

/// <summary>A logarithmic axis of window lengths: each evaluated length is a tick, labelled with its multiple of the original
/// window.</summary>
internal static class WindowAxis
{
    public static double At(double length) => Math.Log2(length);

    /// <summary>Sets ticks and limits of the bottom axis, and marks the original window.</summary>
    public static void Apply(Plot plot, PlotLook look, IReadOnlyList<int> lengths, int trainLength)
    {
        double low = Math.Min(At(lengths[0]), At(trainLength)), high = Math.Max(At(lengths[^1]), At(trainLength));
        double margin = Math.Max(0.15, 0.08 * (high - low));
        plot.Axes.SetLimitsX(low - margin, high + margin);
        IReadOnlyList<int> named = Named(lengths, (look.IsNarrow ? 0.15 : 0.08) * (high - low + (2 * margin)));
        plot.Axes.Bottom.TickGenerator = new NumericManual(
            [.. lengths.Select(length => At(length))],
            [.. lengths.Select(length => named.Contains(length) ? $"{length}\n{NumberFormat.Multiple(length, trainLength)}" : "")]);
        ScottPlot.Plottables.VerticalLine line = plot.Add.VerticalLine(At(trainLength), 1.5f, look.Ink, LinePattern.Dashed);
        line.LegendText = $"original window {trainLength}";
    }

    /// <summary>The lengths whose labels fit: from the longest down, those that are far enough from the previous label.</summary>
    private static List<int> Named(IReadOnlyList<int> lengths, double apart)
    {
        var named = new List<int>();
        foreach (int length in lengths.OrderDescending())
        {
            if (named.Count == 0 || At(named[^1]) - At(length) >= apart)
            {
                named.Add(length);
            }
        }
        return named;
    }
}
