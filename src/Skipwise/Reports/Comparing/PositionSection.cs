using Skipwise.Evaluation.Results;
using Skipwise.Reports.Plots;

namespace Skipwise.Reports.Comparing;

/// <summary>The section of the loss by position in the longest window, which shows where a model begins to fail.</summary>
internal static class PositionSection
{
    private const string Name = "loss-by-position";

    public static IEnumerable<ReportBlock> Blocks(Comparison c, ModelLegend legend)
    {
        EvaluationRecord[] all = [.. c.Models.SelectMany(c.RecordsOf).Where(Comparison.IsLossByPosition)];
        if (all.Length == 0)
        {
            yield break;
        }
        int window = all.Max(record => record.Length!.Value);
        EvaluationRecord[] parts = [.. all.Where(record => record.Length == window)];
        LengthPoint[] points =
            [.. parts.Select(record =>
                new LengthPoint(record.Model!, record.Positions![1], record.Value, record.StandardError ?? double.NaN))];
        string caption =
            $"Mean loss in windows of {window} tokens, by position; each point stands at the last position of its part. Bars: 95 % of " +
            $"the draws of documents.";
        yield return new ReportBlock.Plot(
            LengthPlot.LossByPosition(points, c.OriginalWindow, legend), Name,
            points.All(p => p.Value <= LengthPlot.Ceiling(points)) ? caption
                : $"{caption} Arrows: too large for this axis; the number is next to the arrow.");
        yield return new ReportBlock.Table("Nats per token ± one standard error over documents",
            ["positions", .. c.Models.Select(model => model.Name)],
        [
            .. parts.Select(record => (From: record.Positions![0], To: record.Positions![1])).Distinct().Order()
            .Select(part => (IReadOnlyList<ReportCell>)
            [
                $"{part.From}–{part.To}",
                .. c.Models.Select(model =>
                    ComparisonReport.Number(c,
                        parts.FirstOrDefault(record => record.Model == model.Name && record.Positions![0] == part.From),
                        MetricFormat.Loss)),
            ]),
        ]);
    }
}
