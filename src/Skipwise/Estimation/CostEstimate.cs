namespace Skipwise.Estimation;

/// <summary>PoSE beside full-length training at the target.</summary>
/// <param name="AvailableMemory">bytes that the largest batches were sought for</param>
/// <param name="StealFraction">of this virtual machine's time, what its host gave to others while it was measured, 0 to 1: so much faster may steps be on a quiet one; 0 too where that is not told</param>
public sealed record CostEstimate(long AvailableMemory, double StealFraction, StepEstimate Pose, StepEstimate Full);
