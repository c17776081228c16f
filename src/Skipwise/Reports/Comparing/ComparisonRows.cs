using Skipwise.Evaluation.Results;

namespace Skipwise.Reports.Comparing;

/// <summary>The whole comparison as one plain table: every metric by its length, the effective length last.</summary>
internal static class ComparisonRows
{
    /// <summary>Builds the rows.</summary>
    public static IReadOnlyList<ComparisonRow> Build(Comparison c)
    {
        EvaluationRecord[] all = [.. c.Models.SelectMany(c.RecordsOf)];
        (string Task, string Metric)[] lengthless =
            [.. all.Where(Comparison.IsBenchmark).Select(record => (record.Task, record.Metric)).Distinct()];
        (string Task, string Metric, int Length)[] byLength =
        [
            .. all.Where(record => record.Length is not null && Comparison.IsMeasured(record) && !Comparison.IsLossByPosition(record)
                && record.Settings!["depth"] is null && !Comparison.IsBenchmark(record))
                .GroupBy(record => (record.Task, record.Metric))
                .SelectMany(metric => metric.Select(record => (record.Task, record.Metric, record.Length!.Value)).Distinct()
                    .OrderBy(row => row.Value)),
        ];
        return
        [
            .. lengthless.Select(row =>
                new ComparisonRow(Name(row.Task, row.Metric),
                    [.. c.Models.Select(model => Text(c.Benchmark(model, row.Task, row.Metric)))])),
            .. byLength.Select(row =>
                new ComparisonRow($"{Name(row.Task, row.Metric)} at {row.Length}",
                    [.. c.Models.Select(model => Text(c.Find(model, row.Task, row.Metric, row.Length)))])),
            .. c.Models.Any(model => c.ShortPerplexity(model) is not null) && c.Models.Count > 1 && !c.TokenizersDiffer
                ? [new ComparisonRow($"perplexity increase at {c.OriginalWindow}",
                    [.. c.Models.Select(model => model == c.Reference || c.ShortPerplexity(model) is not { } cost ? ""
                        : NumberFormat.Change(cost.Increase, NumberFormat.Percent))])]
                : (ComparisonRow[])[],
            new ComparisonRow("effective length",
                [.. c.Models.Select(model => c.EffectiveLength(model) is { } length ? $"{length.Tokens} ({length.Low}-{length.High})"
                    : "")]),
        ];
    }

    private static string Name(string task, string metric) => task == metric || metric == "accuracy" ? task : $"{task} {metric}";

    private static string Text(EvaluationRecord? record) => record is null ? ""
        : (record.Metric == "perplexity" ? NumberFormat.Perplexity(record.Value) : NumberFormat.Short(record.Value)) +
            $"{(record.StandardError is { } error && double.IsFinite(error) ? $"±{NumberFormat.Error(error)}" : "")}";
}
