using System.Text.Json.Nodes;
using Skipwise.Evaluation;

namespace Skipwise.Reports.Comparing;

/// <summary>RULER's one number per length: the mean over the tasks measured there.</summary>
public static class RulerScore
{
    public const string Task = "ruler", Metric = "mean_over_tasks";

    private const string Prefix = "ruler_";

    public static bool IsTask(EvaluationRecord record) => record.Task.StartsWith(Prefix, StringComparison.Ordinal) && record.Length is not null;

    /// <summary>One record per length, rising. The tasks' samples are independent, so the variance of the mean is the mean of their variances over their number.</summary>
    public static IReadOnlyList<EvaluationRecord> ByLength(IReadOnlyList<EvaluationRecord> records) =>
    [
        .. records.Where(IsTask).GroupBy(record => record.Length!.Value).OrderBy(length => length.Key).Select(length => new EvaluationRecord
        {
            Task = Task,
            Metric = Metric,
            Length = length.Key,
            Value = length.Average(record => record.Value),
            StandardError = length.All(record => record.StandardError is not null) ? Math.Sqrt(length.Sum(record => Math.Pow(record.StandardError!.Value, 2))) / length.Count() : null,
            Count = length.Sum(record => record.Count ?? 0),
            Model = length.First().Model,
            Settings = new JsonObject { ["tasks"] = new JsonArray([.. length.Select(record => JsonValue.Create(record.Task))]) },
        }),
    ];
}
