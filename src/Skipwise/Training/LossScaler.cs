namespace Skipwise.Training;

/// <summary>What a loss scaler remembers: saved with a checkpoint.</summary>
public sealed record LossScalerState
{
    /// <summary>what the loss is multiplied with</summary>
    public double Scale { get; init; } = LossScaler.Initial;
    /// <summary>overflows that are borne before the scale is halved; the last of them halves it</summary>
    public int Patience { get; init; } = LossScaler.Hysteresis;
    /// <summary>steps since the last overflow</summary>
    public int Good { get; init; }
    /// <summary>steps that were skipped because the gradient overflowed</summary>
    public int Overflows { get; init; }
}

/// <summary>
/// Scales the loss of a float16 computation (Micikevicius et al. 2018): small gradients would vanish below 6e-8, large ones overflow
/// above 65504. The rules and their numbers are those of the original's DeepSpeed configuration: start at 2^12; the first overflow is borne, each
/// later one halves the scale, down to 1; after 1000 good steps in a row the scale doubles and an overflow is borne again.
/// </summary>
public sealed class LossScaler(LossScalerState? state = null)
{
    public const double Initial = 4096, Least = 1;
    public const int Window = 1000, Hysteresis = 2;

    public LossScalerState State { get; private set; } = state ?? new();

    /// <summary>Whether an overflow can be answered; else it is the run that has diverged.</summary>
    public bool CanShrink => State.Scale > Least;

    /// <summary>Learns whether a step's gradient overflowed.</summary>
    public void Note(bool overflowed)
    {
        if (overflowed)
        {
            bool halves = State.Patience <= 1;
            State = State with { Scale = halves ? Math.Max(Least, State.Scale / 2) : State.Scale, Patience = Math.Max(1, State.Patience - 1), Good = 0, Overflows = State.Overflows + 1 };
        }
        else
        {
            bool doubles = State.Good + 1 == Window;
            State = State with { Scale = doubles ? State.Scale * 2 : State.Scale, Patience = doubles ? Hysteresis : State.Patience, Good = doubles ? 0 : State.Good + 1 };
        }
    }
}
