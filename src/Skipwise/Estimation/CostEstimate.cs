namespace Skipwise.Estimation;

/// <summary>PoSE beside full-length training at the target.</summary>
/// <param name="AvailableMemory">bytes that the largest batches were sought for</param>
public sealed record CostEstimate(long AvailableMemory, StepEstimate Pose, StepEstimate Full);
