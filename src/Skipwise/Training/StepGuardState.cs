namespace Skipwise.Training;

/// <summary>What a guard remembers: saved with a checkpoint, so that a resumed run judges as the uninterrupted one does.</summary>
public sealed record StepGuardState
{
    /// <summary>steps skipped so far</summary>
    public int SkippedSteps { get; init; }
    /// <summary>of these, the ones since the last good step</summary>
    public int ConsecutiveSkips { get; init; }
    /// <summary>the last losses that were numbers, oldest first; those of spikes too, so that a new level is accepted in time</summary>
    public IReadOnlyList<double> RecentLosses { get; init; } = [];
}
