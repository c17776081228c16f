using System.Text.Json.Nodes;
using Skipwise.Evaluation;
using Skipwise.Evaluation.Results;

namespace Skipwise.Recipes;

/// <summary>One measurement of one model: done once, kept, and used again when model and settings are the same.</summary>
/// <param name="Description">what it does, for the reader</param>
/// <param name="Settings">what its numbers depend on, besides the model</param>
/// <param name="Run">measures a model; keeps its trials in the file that it is given</param>
internal sealed record ComparisonJob(string Description, JsonObject Settings,
    Func<EvaluatedModel, string, IProgress<EvaluationProgress>?, CancellationToken, IReadOnlyList<EvaluationRecord>> Run);
