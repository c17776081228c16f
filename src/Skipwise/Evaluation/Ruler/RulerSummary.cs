using System.Text.Json.Nodes;
using Skipwise.Evaluation.Results;

namespace Skipwise.Evaluation.Ruler;

/// <summary>All results of a run with their averages and the effective length.</summary>
public sealed record RulerSummary(IReadOnlyList<RulerResult> Results, RulerOptions Options)
{
    /// <summary>The average over the tasks at each length, by rising length.</summary>
    public IReadOnlyList<RulerAverage> Averages { get; } =
        [.. Results.GroupBy(result => result.Length).OrderBy(length => length.Key).Select(length => new RulerAverage(
        length.Key,
        length.Average(result => result.Value),
        length.All(result => result.StandardError is not null)
            ? Math.Sqrt(length.Sum(result => Math.Pow(result.StandardError!.Value, 2))) / length.Count() : null,
        length.Count(),
        length.Select(result => result.Count).Distinct()
        .Count() == 1 ? [.. Enumerable.Range(0, length.First().Count).Select(i => length.Average(result => 100 * result.Trials[i].Score))]
            : null))];

    /// <summary>The longest length whose average exceeds the threshold; null if none does.</summary>
    public int? EffectiveLength => Averages.LastOrDefault(average => average.Value > Options.Threshold)?.Length;

    /// <summary>The results as records: one per task and length, one average per length, and the effective length (0 if no length is
    /// effective).</summary>
    /// <param name="model">name or folder of the model</param>
    public IReadOnlyList<EvaluationRecord> ToRecords(string model) =>
    [
        .. Results.Select(result => result.ToRecord(model, Options)),
        .. Averages.Select(average => new EvaluationRecord
        {
            Task = "ruler", Metric = "average", Length = average.Length, Value = average.Value, StandardError = average.StandardError,
            Count = average.Tasks, Model = model, Settings = Settings(), Samples = average.Samples,
        }),
        new() { Task = "ruler", Metric = "effective_length", Value = EffectiveLength ?? 0, Count = Averages.Count > 0
            ? Averages[0].Tasks
            : 0, Model = model, Settings = Settings() },
    ];

    private JsonObject Settings() =>
        EvaluationJson.Settings(Options,
            ("tasks_run",
                new JsonArray([.. Results.Select(result => result.Task.Name).Distinct().Select(name => JsonValue.Create(name))])));
}
