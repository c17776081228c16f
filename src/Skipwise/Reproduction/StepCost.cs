namespace Skipwise.Reproduction;

/// <summary>The estimated cost of a training step on one window.</summary>
/// <param name="Length">of the window, in tokens</param>
/// <param name="Bytes">peak memory of weights, gradients, optimizer and activations, from the configuration; without the process</param>
/// <param name="Seconds">on this machine, from a profiled layer</param>
/// <param name="IsExtrapolated">whether the layer was timed on shorter windows only</param>
internal sealed record StepCost(int Length, long Bytes, double Seconds, bool IsExtrapolated);
