using Skipwise.Training;

namespace Skipwise.Recipes;

/// <summary>Receivers of the demo's progress; null members receive nothing.</summary>
internal sealed record DemoProgress
{
    /// <summary>description of a stage that begins</summary>
    public IProgress<string>? Stage { get; init; }
    /// <summary>a step of a fine-tune</summary>
    public IProgress<StepMetrics>? Training { get; init; }
    /// <summary>tokens of an evaluation</summary>
    public IProgress<Skipwise.Evaluation.EvaluationProgress>? Evaluation { get; init; }
}
