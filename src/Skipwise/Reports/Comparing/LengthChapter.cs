using System.Globalization;
using Skipwise.Evaluation;
using Skipwise.Reports.Plots;

namespace Skipwise.Reports.Comparing;

/// <summary>What a number is: it decides how it is written and drawn.</summary>
internal enum NumberKind
{
    /// <summary>above 1, lower is better; a curve</summary>
    Perplexity,
    /// <summary>right answers, 0..1; a map</summary>
    Share,
    /// <summary>a score, 0..100; a map</summary>
    Percent,
    /// <summary>nats; a curve</summary>
    Loss,
}

/// <summary>A metric by length: its plot, its table, and, where it was measured by depth, its depth maps.</summary>
/// <param name="Task">of the records</param>
/// <param name="Metric">of the records</param>
/// <param name="Kind">how the numbers are written and drawn</param>
/// <param name="Caption">what the numbers are</param>
internal sealed record LengthChapter(string Heading, string Task, string Metric, NumberKind Kind, string Caption)
{
    private const string DepthMetric = "accuracy_at_depth";

    public IEnumerable<ReportBlock> Blocks(Comparison c, Lineup lineup)
    {
        EvaluationRecord[] all = [.. c.Models.SelectMany(model => c.ByLength(model, Task, Metric))];
        if (all.Length == 0)
        {
            yield break;
        }
        LengthPoint[] points = [.. all.Select(record => new LengthPoint(record.Model!, record.Length!.Value, record.Value, record.StandardError ?? double.NaN))];
        bool isShare = Kind != NumberKind.Perplexity, clipped = !isShare && points.Any(p => !(p.Value <= LengthPlot.Ceiling(points)));
        yield return new ReportBlock.Plot(
            isShare ? ShareMap.ByModel(Heading, points, c.OriginalWindow, lineup, whole: Kind == NumberKind.Percent ? 100 : 1) : LengthPlot.Perplexity(points, c.OriginalWindow, lineup), Task,
            clipped ? $"{Caption} Arrows: too large for this axis, the number is beside the arrow." : Caption);
        int[] lengths = [.. points.Select(p => p.Length).Distinct().Order()];
        string caption = Kind switch { NumberKind.Share => "Share, below it its 95 % interval and the number of trials", NumberKind.Percent => "Percent ± one standard error", _ => "± one standard error over documents" };
        yield return new ReportBlock.Table(c.Models.Count == 1 ? caption : $"{caption}; last the change against {c.Reference.Name}, ± one standard error",
            ["", .. lengths.Select(length => $"{length} ({Format.Multiple(length, c.OriginalWindow)})")],
            [.. c.Models.Select(model => (IReadOnlyList<ReportCell>)[model.Name, .. lengths.Select(length => c.Find(model, Task, Metric, length)).Select(record => ComparisonReport.Beside(ComparisonReport.Number(c, record, Kind), c, model, record, Change))])]);
        foreach (ReportBlock block in Depths(c, lineup))
        {
            yield return block;
        }
    }

    private IEnumerable<ReportBlock> Depths(Comparison c, Lineup lineup)
    {
        (ComparedModel Model, EvaluationRecord[] Cells)[] maps =
            [.. c.Models.Select(model => (model, c.ByLength(model, Task, DepthMetric).Where(record => record.Settings?["depth"] is not null).ToArray())).Where(map => map.Item2.Length > 0)];
        if (maps.Length == 0)
        {
            yield break;
        }
        yield return new ReportBlock.SmallPlots(
            [.. maps.Select(map => (map.Model.Name, ShareMap.Grid($"{Heading}, {lineup.Label(map.Model.Name)}", [.. map.Cells.Select(cell => (cell.Length!.Value, Depth(cell), cell.Value))], c.OriginalWindow)))],
            $"{Task}-depth", "By depth: 0 % is the start of the prompt, 100 % its end, right before the question.");
        foreach ((ComparedModel model, EvaluationRecord[] cells) in maps)
        {
            int[] lengths = [.. cells.Select(cell => cell.Length!.Value).Distinct().Order()];
            yield return new ReportBlock.Table($"{model.Name}: share by depth and length", ["depth", .. lengths.Select(length => $"{length}")],
                [.. cells.GroupBy(Depth).OrderBy(depth => depth.Key).Select(depth => (IReadOnlyList<ReportCell>)
                    [$"{(100 * depth.Key).ToString("0.#", CultureInfo.InvariantCulture)} %", .. lengths.Select(length => depth.FirstOrDefault(cell => cell.Length == length) is { } cell
                        ? new ReportCell(Format.Share(cell.Value)) { RawLine = c.Line(cell) } : ReportCell.Empty)])]);
        }
    }

    private Func<double, string> Change => Kind switch { NumberKind.Perplexity => Format.Percent, NumberKind.Percent => Format.Points, _ => Format.Change };

    private static double Depth(EvaluationRecord cell) => cell.Settings!["depth"]!.GetValue<double>();
}
