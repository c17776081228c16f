namespace Skipwise.Training;

/// <summary>
/// Scales the loss of a float16 computation (Micikevicius et al. 2018): small gradients would vanish below 6e-8, large ones overflow
/// above 65504. The rules and their numbers are those of the original's DeepSpeed configuration: start at 2^12; the first overflow is
/// borne, each later one halves the scale, down to 1; after 1000 good steps in a row the scale doubles and an overflow is borne again.
/// </summary>
public sealed class LossScaler(LossScalerState? state = null)
{
    /// <summary>the scale of the first step, and the least scale</summary>
    public const double InitialScale = 4096, MinScale = 1;
    /// <summary>good steps in a row before the scale doubles, and overflows before it is halved</summary>
    public const int GrowthInterval = 1000, Hysteresis = 2;

    /// <summary>the scale and its counters, as saved with a checkpoint</summary>
    public LossScalerState State { get; private set; } = state ?? new();

    /// <summary>Whether an overflow can be answered; else it is the run that has diverged.</summary>
    public bool CanReduceScale => State.Scale > MinScale;

    /// <summary>Learns whether a step's gradient overflowed.</summary>
    public void Update(bool overflowed)
    {
        if (overflowed)
        {
            bool halves = State.HysteresisTracker <= 1;
            State = State with { Scale = halves
                ? Math.Max(MinScale, State.Scale / 2)
                : State.Scale, HysteresisTracker = Math.Max(1, State.HysteresisTracker - 1), GrowthTracker = 0,
                SkippedSteps = State.SkippedSteps + 1 };
        }
        else
        {
            bool doubles = State.GrowthTracker + 1 == GrowthInterval;
            State = State with { Scale = doubles
                ? State.Scale * 2
                : State.Scale, HysteresisTracker = doubles
                ? Hysteresis
                : State.HysteresisTracker, GrowthTracker = doubles
                ? 0
                : State.GrowthTracker + 1 };
        }
    }
}
