namespace Skipwise.Estimation;

/// <summary>Cost of one training mode.</summary>
/// <param name="Mode">pose or full</param>
/// <param name="BatchSize">sequences per forward</param>
/// <param name="Length">tokens per sequence</param>
/// <param name="SecondsPerStep">wall time, at the current load of this machine; null if no time was estimated</param>
/// <param name="CpuSecondsPerStep">CPU time of all threads; null if no time was estimated</param>
/// <param name="LargestBatch">the largest batch that fits in memory; 0 if not even one sequence fits</param>
/// <param name="BytesSent">bytes that each rank sends to others per step, as many as it receives; 0 for one rank</param>
public sealed record StepEstimate(string Mode, int BatchSize, int Length, MemoryEstimate Memory, double? SecondsPerStep,
    double? CpuSecondsPerStep, int LargestBatch, long BytesSent = 0);
