namespace Skipwise.Estimation;

/// <summary>How long one layer takes at one size, forward and back; checkpointed: forward twice.</summary>
internal sealed record LayerTiming(int Batch, int Length, ComputeTime Time);
