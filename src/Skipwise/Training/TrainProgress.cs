using System.Text.Json.Serialization;

namespace Skipwise.Training;

/// <summary>Where a run stands; with the weights and the optimizer's state it is all that resuming needs.</summary>
/// <param name="Step">optimizer steps done</param>
/// <param name="ExamplesTaken">examples consumed</param>
public sealed record TrainProgress(int Step, long ExamplesTaken)
{
    /// <summary>what the guard against bad steps remembers</summary>
    public StepGuardState Guard { get; init; } = new();
    /// <summary>what the loss scaler remembers</summary>
    public LossScalerState Scaler { get; init; } = new();

    /// <summary>lines of metrics.jsonl that belong to the steps so far, and of evaluations.jsonl; null where nobody counted</summary>
    public int? LoggedSteps { get; init; }
    /// <summary>lines of the evaluation log that belong to this checkpoint; null if the run does not evaluate</summary>
    public int? LoggedEvaluations { get; init; }

    /// <summary>steps that were taken, not skipped</summary>
    [JsonIgnore]
    public int OptimizerSteps => Step - Guard.SkippedSteps - Scaler.SkippedSteps;

    /// <summary>Whether a run can have got there: a file may hold anything.</summary>
    [JsonIgnore]
    public bool IsValid => Step >= 0 && ExamplesTaken >= 0 && Guard.SkippedSteps >= 0
        && Scaler is { SkippedSteps: >= 0, Scale: >= LossScaler.MinScale, HysteresisTracker: >= 1, GrowthTracker: >= 0 }
        && (long)Guard.SkippedSteps + Scaler.SkippedSteps <= Step;
}
