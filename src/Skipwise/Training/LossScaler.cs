namespace Skipwise.Training;

/// <summary>
/// Dynamic loss scale for float16 (Micikevicius et al. 2018): small gradients would vanish below 6e-8, large ones overflow above 65504.
/// Rules and constants are those of the PoSE reference code's DeepSpeed configuration: the scale starts at 2^12; the first overflow is
/// tolerated (hysteresis), each later one halves the scale, down to 1; after 1000 steps without overflow the scale doubles and one overflow
/// is tolerated again.
/// </summary>
public sealed class LossScaler(LossScalerState? state = null)
{
    /// <summary>initial scale, and the smallest scale</summary>
    public const double InitialScale = 4096, MinScale = 1;
    /// <summary>steps without overflow before the scale doubles, and overflows before it is halved</summary>
    public const int GrowthInterval = 1000, Hysteresis = 2;

    /// <summary>scale and counters, as saved with a checkpoint</summary>
    public LossScalerState State { get; private set; } = state ?? new();

    /// <summary>Whether the scale can still be halved; if not, an overflow means that the run has diverged.</summary>
    public bool CanReduceScale => State.Scale > MinScale;

    /// <summary>Updates scale and counters after a step.</summary>
    public void Update(bool overflowed)
    {
        if (overflowed)
        {
            bool halves = State.HysteresisTracker <= 1;
            State = State with
            {
                Scale = halves
                ? Math.Max(MinScale, State.Scale / 2)
                : State.Scale,
                HysteresisTracker = Math.Max(1, State.HysteresisTracker - 1),
                GrowthTracker = 0,
                SkippedSteps = State.SkippedSteps + 1
            };
        }
        else
        {
            bool doubles = State.GrowthTracker + 1 == GrowthInterval;
            State = State with
            {
                Scale = doubles
                ? State.Scale * 2
                : State.Scale,
                HysteresisTracker = doubles
                ? Hysteresis
                : State.HysteresisTracker,
                GrowthTracker = doubles
                ? 0
                : State.GrowthTracker + 1
            };
        }
    }
}
