namespace Skipwise.Training;

/// <summary>State of a guard, saved with a checkpoint, so that a resumed run skips the same steps as an uninterrupted one.</summary>
public sealed record StepGuardState
{
    /// <summary>steps skipped so far</summary>
    public int SkippedSteps { get; init; }
    /// <summary>steps skipped since the last taken step</summary>
    public int ConsecutiveSkips { get; init; }
    /// <summary>the last finite losses, oldest first; spikes included, so that a new level is accepted in time</summary>
    public IReadOnlyList<double> RecentLosses { get; init; } = [];
}
