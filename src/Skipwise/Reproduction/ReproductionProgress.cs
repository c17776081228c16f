using Skipwise.Evaluation;
using Skipwise.Recipes;
using Skipwise.Training;

namespace Skipwise.Reproduction;

/// <summary>Receivers of a reproduction's progress; null members receive nothing.</summary>
internal sealed record ReproductionProgress
{
    /// <summary>description of a piece of work that begins</summary>
    public IProgress<string>? Stage { get; init; }
    /// <summary>a piece of work begins or is kept from an earlier run</summary>
    public IProgress<ComparisonProgress>? Job { get; init; }
    /// <summary>called once per training with its steps; returns the receiver of every step</summary>
    public Func<int, IProgress<StepMetrics>>? Training { get; init; }
    /// <summary>tokens of an evaluation</summary>
    public IProgress<EvaluationProgress>? Evaluation { get; init; }
}
