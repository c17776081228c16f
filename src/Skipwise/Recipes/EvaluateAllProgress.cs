using Skipwise.Evaluation;

namespace Skipwise.Recipes;

/// <summary>Receivers of a comparison's progress; null members receive nothing.</summary>
internal sealed record EvaluateAllProgress
{
    /// <summary>description of a job that begins or is already stored, and notes on the models</summary>
    public IProgress<string>? Stage { get; init; }
    /// <summary>tokens of an evaluation</summary>
    public IProgress<EvaluationProgress>? Evaluation { get; init; }
}
