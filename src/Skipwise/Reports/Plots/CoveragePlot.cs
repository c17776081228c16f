using ScottPlot;

namespace Skipwise.Reports.Plots;

/// <summary>Plots the probability that a window covers a distance, one line per kind of window (paper, figure 5).</summary>
internal static class CoveragePlot
{
    /// <summary>Largest number of points per line: the plot has not many more pixels, and a step stays a step.</summary>
    private const int MaximumPoints = 1500;

    /// <summary>The plot.</summary>
    /// <param name="curves">name, and probability by distance; the first line is the thickest</param>
    /// <param name="trainLength">Lc, marked on the axis</param>
    public static Figure Figure(IReadOnlyList<(string Name, IReadOnlyList<double> Probability)> curves, int trainLength) =>
        new($"Coverage probability by relative distance: {string.Join(", ", curves.Select(curve => curve.Name))}",
            look => Draw(look, curves, trainLength));

    private static Plot Draw(PlotLook look, IReadOnlyList<(string Name, IReadOnlyList<double> Probability)> curves, int trainLength)
    {
        Plot plot = look.NewPlot("relative distance (tokens)", "coverage probability");
        for (int i = 0; i < curves.Count; i++) // the first is thick enough to be seen below the others
        {
            AddCurve(plot, curves[i].Name, curves[i].Probability, SeriesStyle.ByIndex(i).Color, i == 0 ? 4 : 1.6f);
        }
        ScottPlot.Plottables.VerticalLine line = plot.Add.VerticalLine(trainLength, 1.2f, look.Ink, LinePattern.Dashed);
        line.LegendText = $"training window {trainLength}";
        int longest = curves.Max(curve => curve.Probability.Count);
        plot.Axes.SetLimits(-0.01 * longest, 1.03 * longest, -0.03, 1.06);
        look.AddLegend(plot);
        return plot;
    }

    private static void AddCurve(Plot plot, string name, IReadOnlyList<double> probability, Color color, float width)
    {
        int stride = (probability.Count + MaximumPoints - 1) / MaximumPoints;
        int[] shown = [.. Enumerable.Range(1, probability.Count - 1).Where(r => r % stride == 0 || r == 1 || r == probability.Count - 1)];
        ScottPlot.Plottables.Scatter curve =
            plot.Add.ScatterLine(shown.Select(r => (double)r).ToArray(), shown.Select(r => probability[r]).ToArray(), color);
        curve.LineWidth = width;
        curve.LegendText = name;
    }
}
