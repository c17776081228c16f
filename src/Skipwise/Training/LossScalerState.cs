namespace Skipwise.Training;

/// <summary>What a loss scaler remembers: saved with a checkpoint.</summary>
public sealed record LossScalerState
{
    /// <summary>what the loss is multiplied with</summary>
    public double Scale { get; init; } = LossScaler.InitialScale;
    /// <summary>overflows that are borne before the scale is halved; the last of them halves it</summary>
    public int HysteresisTracker { get; init; } = LossScaler.Hysteresis;
    /// <summary>steps since the last overflow</summary>
    public int GrowthTracker { get; init; }
    /// <summary>steps that were skipped because the gradient overflowed</summary>
    public int SkippedSteps { get; init; }
}
