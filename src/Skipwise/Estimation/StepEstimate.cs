namespace Skipwise.Estimation;

/// <summary>What one way of training costs.</summary>
/// <param name="Mode">pose or full</param>
/// <param name="BatchSize">sequences per forward</param>
/// <param name="Length">tokens per sequence</param>
/// <param name="SecondsPerStep">on the clock, of this machine as busy as it was</param>
/// <param name="CpuSecondsPerStep">of all threads</param>
/// <param name="LargestBatch">the most sequences per forward that the memory holds; 0 when not even one</param>
public sealed record StepEstimate(string Mode, int BatchSize, int Length, MemoryEstimate Memory, double SecondsPerStep,
    double CpuSecondsPerStep, int LargestBatch);
