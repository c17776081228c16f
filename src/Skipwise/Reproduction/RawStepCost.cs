namespace Skipwise.Reproduction;

/// <summary>A raw line: the cost of a training step.</summary>
/// <param name="Method">PoSE or full-length</param>
/// <param name="TargetLength">Lt in tokens</param>
/// <param name="Length">of the training window, in tokens</param>
/// <param name="Bytes">peak memory without the process</param>
/// <param name="Seconds">on the machine that measured it first</param>
internal sealed record RawStepCost(string Method, int TargetLength, int Length, long Bytes, double Seconds);
