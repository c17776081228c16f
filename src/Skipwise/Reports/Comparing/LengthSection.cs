using System.Globalization;
using Skipwise.Evaluation.Results;
using Skipwise.Reports.Plots;

namespace Skipwise.Reports.Comparing;

/// <summary>The type of a value, which determines its format and plot.</summary>
internal enum MetricFormat
{
    /// <summary>above 1, lower is better; a curve</summary>
    Perplexity,
    /// <summary>accuracy, 0..1; a heat map</summary>
    Fraction,
    /// <summary>a score, 0..100; a heat map</summary>
    Percent,
    /// <summary>nats; a curve</summary>
    Loss,
}

/// <summary>A metric by length: its plot, its table, and its heat maps if it was evaluated by depth.</summary>
/// <param name="Task">of the records</param>
/// <param name="Metric">of the records</param>
/// <param name="Kind">the type of the values</param>
/// <param name="Caption">description of the values</param>
internal sealed record LengthSection(string Heading, string Task, string Metric, MetricFormat Kind, string Caption)
{
    private const string DepthMetric = "accuracy_at_depth";

    /// <summary>Whether any model was evaluated.</summary>
    public bool IsMeasured(Comparison c) => Points(c).Length > 0;

    /// <summary>The plot of all models.</summary>
    /// <param name="c">a comparison for which <see cref="IsMeasured"/> holds</param>
    /// <param name="legend">of its models</param>
    public ReportBlock.Plot Plot(Comparison c, ModelLegend legend)
    {
        LengthPoint[] points = Points(c);
        bool isShare = Kind != MetricFormat.Perplexity, clipped = !isShare && points.Any(p => !(p.Value <= LengthPlot.Ceiling(points)));
        return new(
            isShare ? AccuracyHeatmap.ByModel(Heading, points, c.OriginalWindow, legend, whole: Kind == MetricFormat.Percent ? 100 : 1)
                : LengthPlot.Perplexity(points, c.OriginalWindow, legend), Task,
            clipped ? $"{Caption} Arrows: too large for this axis; the number is next to the arrow." : Caption);
    }

    /// <summary>The section's blocks; none if no model was evaluated.</summary>
    /// <param name="c">the comparison</param>
    /// <param name="legend">of its models</param>
    /// <param name="isPictured">whether the report opens with this section's plot, which is then not repeated</param>
    public IEnumerable<ReportBlock> Blocks(Comparison c, ModelLegend legend, bool isPictured)
    {
        if (!IsMeasured(c))
        {
            yield break;
        }
        yield return isPictured ? new ReportBlock.Text("The picture at the top shows these values.") : Plot(c, legend);
        int[] lengths = [.. Points(c).Select(p => p.Length).Distinct().Order()];
        string caption =
            Kind switch
            {
                MetricFormat.Fraction => "Share, below it its 95 % interval and the number of trials",
                MetricFormat.Percent =>
                "Percent ± one standard error",
                _ => "± one standard error over documents"
            };
        yield return new ReportBlock.Table(c.Models.Count == 1 ? caption
            : $"{caption}; last the change against {c.Reference.Name}, ± one standard error",
            ["", .. lengths.Select(length => $"{length} ({NumberFormat.Multiple(length, c.OriginalWindow)})")],
            [.. c.Models.Select(model =>
                (IReadOnlyList<ReportCell>)[model.Name,
                    .. lengths.Select(length => c.Find(model, Task, Metric, length))
                    .Select(record => ComparisonReport.Beside(ComparisonReport.Number(c, record, Kind), c, model, record, Change))])]);
        foreach (ReportBlock block in Depths(c, legend))
        {
            yield return block;
        }
    }

    private LengthPoint[] Points(Comparison c) =>
    [
        .. c.Models.SelectMany(model => c.ByLength(model, Task, Metric)).Select(record =>
            new LengthPoint(record.Model!, record.Length!.Value, record.Value, record.StandardError ?? double.NaN)),
    ];

    private IEnumerable<ReportBlock> Depths(Comparison c, ModelLegend legend)
    {
        (ComparedModel Model, EvaluationRecord[] Cells)[] maps =
            [.. c.Models.Select(model =>
                (model, c.ByLength(model, Task, DepthMetric).Where(record => record.Settings?["depth"] is not null).ToArray()))
                .Where(map => map.Item2.Length > 0)];
        if (maps.Length == 0)
        {
            yield break;
        }
        yield return new ReportBlock.SmallPlots(
            [.. maps.Select(map =>
                (map.Model.Name,
                    AccuracyHeatmap.Grid($"{Heading}, {legend.Label(map.Model.Name)}",
                        [.. map.Cells.Select(cell => (cell.Length!.Value, Depth(cell), cell.Value))], c.OriginalWindow)))],
            $"{Task}-depth", "By depth: 0 % is the start of the prompt, 100 % its end, right before the question.");
        foreach ((ComparedModel model, EvaluationRecord[] cells) in maps)
        {
            int[] lengths = [.. cells.Select(cell => cell.Length!.Value).Distinct().Order()];
            yield return new ReportBlock.Table($"{model.Name}: fraction found, by depth and length",
                ["depth", .. lengths.Select(length => $"{length}")],
                [.. cells.GroupBy(Depth).OrderBy(depth => depth.Key).Select(depth => (IReadOnlyList<ReportCell>)
                    [$"{(100 * depth.Key).ToString("0.#", CultureInfo.InvariantCulture)} %",
                        .. lengths.Select(length => depth.FirstOrDefault(cell => cell.Length == length) is { } cell
                        ? new ReportCell(NumberFormat.Fraction(cell.Value)) { RawLine = c.Line(cell) } : ReportCell.Empty)])]);
        }
    }

    private Func<double, string> Change =>
        Kind switch
        {
            MetricFormat.Perplexity => NumberFormat.Percent,
            MetricFormat.Percent => NumberFormat.Points,
            _ =>
            NumberFormat.Change
        };

    private static double Depth(EvaluationRecord cell) => cell.Settings!["depth"]!.GetValue<double>();
}
