namespace Skipwise.Reproduction;

/// <summary>What a training step costs on a model of stated size.</summary>
/// <param name="Length">of its window, in tokens</param>
/// <param name="Bytes">peak memory of weights, gradients, optimizer and activations, from the configuration; without the process</param>
/// <param name="Seconds">measured on this machine, from a profiled layer</param>
internal sealed record StepCost(int Length, long Bytes, double Seconds);
