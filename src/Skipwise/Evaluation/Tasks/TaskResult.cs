using System.Text.Json.Nodes;
using Skipwise.Evaluation.Results;

namespace Skipwise.Evaluation.Tasks;

/// <summary>One metric of one task.</summary>
/// <param name="Task">boolq, piqa, ...</param>
/// <param name="Metric">acc, acc_norm, mc1, mc2 or perplexity</param>
/// <param name="Window">the model's longest input in tokens</param>
/// <param name="StandardError">null with fewer than two questions</param>
/// <param name="Count">number of questions</param>
/// <param name="Shots">few-shot examples per question</param>
/// <param name="ShotSplit">split of the examples; null without examples</param>
/// <param name="CutTexts">number of choices whose text was truncated to the window from the left</param>
/// <param name="CutContinuations">number of choices whose continuation alone exceeds the window: only its end is scored, which no harness
/// does</param>
public sealed record TaskResult(
    string Task, string Metric, int Window, double Value, double? StandardError, int Count, int Shots, string? ShotSplit, int CutTexts,
    int CutContinuations)
{
    /// <summary>each question's contribution to the value; see <see cref="EvaluationRecord.Samples"/></summary>
    public IReadOnlyList<double>? Samples { get; init; }

    /// <summary>The result as a record.</summary>
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
