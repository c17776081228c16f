namespace Skipwise.Runs;

/// <summary>Result of a run.</summary>
/// <param name="Completed">false when it was interrupted; it can then be resumed</param>
/// <param name="Checkpoint">last checkpoint of an interrupted run; null if it was stopped within its first step, or before it</param>
public sealed record TrainingOutcome(bool Completed, string? Checkpoint)
{
    /// <summary>notes for the user about the finished run: where its best checkpoint is, that it ended early</summary>
    public string? Note { get; init; }
}
