namespace Skipwise.Runs;

/// <summary>How a run ended.</summary>
/// <param name="Completed">false when it was interrupted; it can then be resumed</param>
/// <param name="Checkpoint">where an interrupted run was saved</param>
public sealed record TrainingOutcome(bool Completed, string? Checkpoint)
{
    /// <summary>what a person should know about the finished run: where its best model is, that it ended early</summary>
    public string? Note { get; init; }
}
