using Skipwise.Training;

namespace Skipwise.Recipes;

/// <summary>What the demo tells while it runs; null members are not told.</summary>
internal sealed record DemoProgress
{
    /// <summary>a new stage begins: what it does, in words</summary>
    public IProgress<string>? Stage { get; init; }
    /// <summary>a step of a fine-tune</summary>
    public IProgress<StepMetrics>? Training { get; init; }
    /// <summary>tokens of a measurement</summary>
    public IProgress<Skipwise.Evaluation.EvaluationProgress>? Evaluation { get; init; }
}
