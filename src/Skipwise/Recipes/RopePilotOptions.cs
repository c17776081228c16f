using Skipwise.Rope;

namespace Skipwise.Recipes;

/// <summary>Short trainings that decide the RoPE scaling of a fine-tune, one for each candidate, all on the same windows.</summary>
public sealed record RopePilotOptions
{
    /// <summary>whether pilots choose the scaling; they need held-out text (<see cref="Runs.TrainingEvaluationOptions.Data"/>)</summary>
    public bool IsEnabled { get; init; }
    /// <summary>optimizer steps of each pilot</summary>
    [Within(1, 1e9)]
    public int Steps { get; init; } = 50;
    /// <summary>the scalings to compare; empty: linear, ntk, yarn and llama3, and for a Phi-3 longrope and dynamic-ntk</summary>
    public IReadOnlyList<RopeType> Candidates { get; init; } = [];
}
