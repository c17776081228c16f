using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Training;

/// <summary>A <see cref="DynamicCode"/> on a device.</summary>
/// <param name="Values">float32 [256]: what each byte stands for</param>
/// <param name="Bounds">float32 [256]: above which the next byte is nearer</param>
/// <param name="Guesses">int32 [65536]: <see cref="DynamicCode.Guesses"/></param>
/// <param name="Zero">the byte that stands for 0</param>
internal sealed record CodeTable(Tensor Values, Tensor Bounds, Tensor Guesses, byte Zero) : IDisposable
{
    public static CodeTable Of(float[] values, float[] bounds, Device device) => new(
        Optimizer.Keep(() => tensor(values, device: device)), Optimizer.Keep(() => tensor(bounds, device: device)),
        Optimizer.Keep(() => tensor(DynamicCode.Guesses(bounds), ScalarType.Int32, device: device)), (byte)Array.IndexOf(values, 0f));

    public void Dispose()
    {
        Values.Dispose();
        Bounds.Dispose();
        Guesses.Dispose();
    }
}

/// <summary>A running mean of N numbers in 8 bits.</summary>
/// <param name="Code">uint8 [N]</param>
/// <param name="Scale">float32 [N / 256, rounded up]: the largest magnitude of each block</param>
internal sealed record PackedMean(Tensor Code, Tensor Scale, CodeTable Table)
{
    public static PackedMean Zeros(Tensor like, CodeTable table)
    {
        long count = like.numel();
        return new(
            Optimizer.Keep(() => full([count], (int)table.Zero, ScalarType.Byte, like.device)),
            Optimizer.Keep(() => zeros([(count + AdamW8Bit.Block - 1) / AdamW8Bit.Block], ScalarType.Float32, like.device)), table);
    }
}
