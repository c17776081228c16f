namespace Skipwise.Training;

/// <summary>State of a loss scaler, saved with a checkpoint.</summary>
public sealed record LossScalerState
{
    /// <summary>factor of the loss</summary>
    public double Scale { get; init; } = LossScaler.InitialScale;
    /// <summary>overflows left before the scale is halved; the last of them halves it</summary>
    public int HysteresisTracker { get; init; } = LossScaler.Hysteresis;
    /// <summary>steps since the last overflow</summary>
    public int GrowthTracker { get; init; }
    /// <summary>steps skipped because of an overflow</summary>
    public int SkippedSteps { get; init; }
}
