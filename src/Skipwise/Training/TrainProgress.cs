using System.Text.Json.Serialization;

namespace Skipwise.Training;

/// <summary>Progress of a run: with the weights and the optimizer state it is all that resuming needs.</summary>
/// <param name="Step">optimizer steps done</param>
/// <param name="ExamplesTaken">examples consumed</param>
public sealed record TrainProgress(int Step, long ExamplesTaken)
{
    /// <summary>state of the step guard</summary>
    public StepGuardState Guard { get; init; } = new();
    /// <summary>state of the loss scaler</summary>
    public LossScalerState Scaler { get; init; } = new();

    /// <summary>lines of metrics.jsonl up to this checkpoint; null if unknown</summary>
    public int? LoggedSteps { get; init; }
    /// <summary>lines of the evaluation log that belong to this checkpoint; null if the run does not evaluate</summary>
    public int? LoggedEvaluations { get; init; }

    /// <summary>steps that were taken, not skipped</summary>
    [JsonIgnore]
    public int OptimizerSteps => Step - Guard.SkippedSteps - Scaler.SkippedSteps;

    /// <summary>Whether the values are possible: a file may hold anything.</summary>
    [JsonIgnore]
    public bool IsValid => Step >= 0 && ExamplesTaken >= 0 && Guard.SkippedSteps >= 0
        && Scaler is { SkippedSteps: >= 0, Scale: >= LossScaler.MinScale, HysteresisTracker: >= 1, GrowthTracker: >= 0 }
        && (long)Guard.SkippedSteps + Scaler.SkippedSteps <= Step;
}
