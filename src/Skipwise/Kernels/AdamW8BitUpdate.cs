using static TorchSharp.torch;

namespace Skipwise.Kernels;

/// <summary>
/// AdamW update with both moments quantized to 8 bits. The update uses the float32 moments before they are quantized. A second moment other
/// than 0 is never quantized to 0: the denominator would be eps alone.
/// </summary>
internal abstract class AdamW8BitUpdate : IDisposable
{
    /// <param name="weight">float32, contiguous, N elements like the gradient; updated in place</param>
    /// <param name="first">first moment, updated in place</param>
    /// <param name="second">second moment, updated in place</param>
    public abstract void Update(Tensor weight, Tensor gradient, QuantizedMoment first, QuantizedMoment second, AdamWStep step);

    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    protected virtual void Dispose(bool disposing)
    {
    }
}
