using System.Text.Json.Nodes;
using Skipwise.Evaluation;
using Skipwise.Evaluation.Results;

namespace Skipwise.Recipes;

/// <summary>One evaluation of one model: run once, stored, and reused if model and settings are the same.</summary>
/// <param name="Description">readable description</param>
/// <param name="Settings">settings that the results depend on, besides the model</param>
/// <param name="Run">evaluates a model; stores its trials in the given file</param>
internal sealed record ComparisonJob(string Description, JsonObject Settings,
    Func<EvaluatedModel, string?, IProgress<EvaluationProgress>?, CancellationToken, IReadOnlyList<EvaluationRecord>> Run)
{
    /// <summary>what the work grows with: the length in tokens; 1 for a benchmark task</summary>
    public int Size { get; init; } = 1;
}
