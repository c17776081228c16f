namespace Skipwise.Evaluation.Results;

/// <summary>What a run of <c>eval all</c> compares, as its folder's <c>comparison.json</c> holds it; the numbers stand beside it.</summary>
public sealed record ComparisonPlan
{
    /// <summary>the first one is what the others are compared with</summary>
    public required IReadOnlyList<ComparedModel> Models { get; init; }
    public required IReadOnlyList<SkippedTask> Skipped { get; init; }
    public required EffectiveLengthRule EffectiveLength { get; init; }
    public required GateOptions Gates { get; init; }
}
