using Skipwise.Evaluation;

namespace Skipwise.Recipes;

/// <summary>What a comparison tells while it runs; null members are not told.</summary>
internal sealed record EvaluateAllProgress
{
    /// <summary>a measurement begins, or is found finished, or there is something to know of a model: in words</summary>
    public IProgress<string>? Stage { get; init; }
    /// <summary>tokens of a measurement</summary>
    public IProgress<EvaluationProgress>? Evaluation { get; init; }
}
