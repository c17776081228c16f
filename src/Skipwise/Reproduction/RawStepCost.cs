namespace Skipwise.Reproduction;

/// <summary>A raw line: the cost of a training step.</summary>
/// <param name="Model">its number of parameters</param>
/// <param name="Method">PoSE or full-length</param>
/// <param name="TargetLength">Lt in tokens</param>
/// <param name="Length">of the training window, in tokens</param>
/// <param name="IsEstimate">whether it is estimated from the configuration and a profiled layer, or a step that was run</param>
/// <param name="IsExtrapolated">whether the time is that of shorter windows, extrapolated</param>
/// <param name="Bytes">peak memory without the process; null: not known</param>
/// <param name="Seconds">on the machine that measured it first</param>
internal sealed record RawStepCost(
    string Model, string Method, int TargetLength, int Length, bool IsEstimate, bool IsExtrapolated, long? Bytes, double Seconds);
