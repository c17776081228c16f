namespace Skipwise.Estimation;

/// <summary>Cost of PoSE compared with full-length training at the target.</summary>
/// <param name="AvailableMemory">bytes that limit the largest batches</param>
/// <param name="UntimedBecause">why no time was estimated, in a sentence; null if it was</param>
public sealed record CostEstimate(long AvailableMemory, StepEstimate Pose, StepEstimate Full, string? UntimedBecause = null);
