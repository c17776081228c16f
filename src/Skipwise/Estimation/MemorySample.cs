namespace Skipwise.Estimation;

/// <summary>Bytes at one size.</summary>
/// <param name="Saved">what a layer keeps between forward and back</param>
/// <param name="LayerPeak">in use at the most while a layer goes forward and back, its gradients included</param>
/// <param name="HeadPeak">the same of head and loss</param>
internal sealed record MemorySample(long Tokens, long Saved, long LayerPeak, long HeadPeak);
