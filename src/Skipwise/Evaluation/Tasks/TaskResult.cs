using System.Text.Json.Nodes;
using Skipwise.Evaluation.Results;

namespace Skipwise.Evaluation.Tasks;

/// <summary>One number of one task.</summary>
/// <param name="Task">boolq, piqa, ...</param>
/// <param name="Metric">acc, acc_norm, mc1, mc2 or perplexity</param>
/// <param name="Window">tokens that the model reads at most</param>
/// <param name="StandardError">null with fewer than two questions</param>
/// <param name="Count">questions</param>
/// <param name="Shots">examples before each</param>
/// <param name="ShotSplit">the split that they come from; null without examples</param>
/// <param name="CutTexts">choices whose text is longer than the window and lost its beginning</param>
/// <param name="CutContinuations">choices longer than the window themselves: only their ends are scored, which no harness does</param>
public sealed record TaskResult(
    string Task, string Metric, int Window, double Value, double? StandardError, int Count, int Shots, string? ShotSplit, int CutTexts,
    int CutContinuations)
{
    /// <summary>what each question makes of the value; see <see cref="EvaluationRecord.Samples"/></summary>
    public IReadOnlyList<double>? Samples { get; init; }

    /// <summary>The JSON form of this result.</summary>
    /// <param name="model">name or folder of the model</param>
    public EvaluationRecord ToRecord(string model, TaskOptions options)
    {
        JsonObject settings =
            EvaluationJson.Settings(options, ("shots", Shots), ("max_length", Window), ("cut_texts", CutTexts),
                ("cut_continuations", CutContinuations));
        if (ShotSplit is not null)
        {
            settings["shot_split"] = ShotSplit;
        }
        return new()
        {
            Task = Task,
            Metric = Metric,
            Length = Window,
            Value = Value,
            StandardError = StandardError,
            Count = Count,
            Model = model,
            Settings = settings,
            Samples = Samples
        };
    }
}
