using static TorchSharp.torch;

namespace Skipwise.Kernels;

/// <summary>
/// AdamW's update with both moments in 8 bits. It is made in float32, from the moments before they are rounded. A mean of squares that is
/// not 0 is never rounded to 0: the step would be divided by eps alone.
/// </summary>
internal abstract class AdamW8BitUpdate : IDisposable
{
    /// <param name="weight">float32, contiguous, N numbers, as the gradient; moved by a step</param>
    /// <param name="first">the gradient's running mean, moved on</param>
    /// <param name="second">the squares' running mean, moved on</param>
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
