namespace Skipwise.Evaluation.Results;

/// <summary>The models and evaluations that a run of <c>eval all</c> compares: the content of <c>comparison.json</c>. The results are
/// stored next to it.</summary>
internal sealed record ComparisonPlan
{
    /// <summary>the models; the others are compared with the first</summary>
    public required IReadOnlyList<ComparedModel> Models { get; init; }
    /// <summary>tasks that were not evaluated</summary>
    public required IReadOnlyList<SkippedTask> Skipped { get; init; }
    /// <summary>the scores that make a length effective</summary>
    public required EffectiveLengthRule EffectiveLength { get; init; }
    /// <summary>the acceptance limits</summary>
    public required GateOptions Gates { get; init; }
}
