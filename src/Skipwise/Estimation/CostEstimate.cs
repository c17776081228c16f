namespace Skipwise.Estimation;

/// <summary>Cost of PoSE compared with full-length training at the target.</summary>
/// <param name="AvailableMemory">bytes that limit the largest batches</param>
public sealed record CostEstimate(long AvailableMemory, StepEstimate Pose, StepEstimate Full);
