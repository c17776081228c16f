using ScottPlot;
using ScottPlot.TickGenerators;

namespace Skipwise.Reports.Plots;

/// <summary>
/// Plots the position ids of a few training examples: token index on the x axis, position id on the y axis, a colour per chunk.
/// </summary>
internal static class PositionIdsPlot
{
    /// <summary>The plot.</summary>
    public static Figure Figure(IReadOnlyList<IReadOnlyList<PositionRun>> examples, int trainLength, int targetLength) =>
        new($"Position ids of {examples.Count} training examples", look => Draw(look, examples, trainLength, targetLength));

    private static Plot Draw(PlotLook look, IReadOnlyList<IReadOnlyList<PositionRun>> examples, int trainLength, int targetLength)
    {
        Plot plot = look.NewPlot("token index in the training window", "position id");
        foreach (IReadOnlyList<PositionRun> example in examples)
        {
            AddExample(plot, look, example);
        }
        for (int chunk = 0; chunk < examples.Select(e => e.Count).DefaultIfEmpty().Max(); chunk++)
        {
            plot.Legend.ManualItems.Add(
                new LegendItem { LabelText = $"chunk {chunk + 1}", LineColor = SeriesStyle.Part(chunk), LineWidth = 4 });
        }
        AddLimit(plot, look, targetLength, $"target length {targetLength}");
        AddLimit(plot, look, trainLength, $"train length {trainLength}");
        int step = Math.Max(1, targetLength / 4);
        plot.Axes.Left.TickGenerator = new NumericManual(
            [.. Enumerable.Range(0, 5).Select(i => (double)(i * step))], [.. Enumerable.Range(0, 5).Select(i => $"{i * step}")]);
        plot.Axes.SetLimits(-0.01 * trainLength, 1.02 * trainLength, -0.02 * targetLength, 1.1 * targetLength);
        look.AddLegend(plot);
        return plot;
    }

    private static void AddExample(Plot plot, PlotLook look, IReadOnlyList<PositionRun> example)
    {
        int token = 0;
        for (int chunk = 0; chunk < example.Count; chunk++)
        {
            PositionRun run = example[chunk];
            if (chunk > 0)
            {
                int before = example[chunk - 1].FirstPosition + example[chunk - 1].Length - 1;
                ScottPlot.Plottables.LinePlot skip = plot.Add.Line(token - 0.5, before, token - 0.5, run.FirstPosition);
                skip.LineColor = look.Ink.WithAlpha(0.35);
                skip.LinePattern = LinePattern.Dotted;
            }
            ScottPlot.Plottables.LinePlot line =
                plot.Add.Line(token, run.FirstPosition, token + run.Length - 1, run.FirstPosition + run.Length - 1);
            line.LineColor = SeriesStyle.Part(chunk);
            line.LineWidth = 3;
            line.MarkerSize = 0;
            token += run.Length;
        }
    }

    private static void AddLimit(Plot plot, PlotLook look, int position, string label)
    {
        plot.Add.HorizontalLine(position, 1.2f, look.Ink, LinePattern.Dashed);
        ScottPlot.Plottables.Text text = plot.Add.Text(label, 0, position);
        text.OffsetX = 3;
        text.LabelFontColor = look.Ink;
        text.LabelFontName = PlotFont.Name;
        text.LabelFontSize = look.IsNarrow ? 11 : 12;
        text.LabelAlignment = Alignment.LowerLeft;
        text.LabelPadding = 3;
    }
}
