using static TorchSharp.torch;

namespace Skipwise.Training.Optimizers;

/// <summary>A running mean of N numbers in 8 bits.</summary>
/// <param name="Codes">uint8 [N]</param>
/// <param name="Absmax">float32 [N / 256, rounded up]: the largest magnitude of each block</param>
internal sealed record QuantizedMoment(Tensor Codes, Tensor Absmax, QuantizationTable Table)
{
    public static QuantizedMoment Zeros(Tensor like, QuantizationTable table)
    {
        long count = like.numel();
        return new(
            Optimizer.CreateState(() => full([count], (int)table.ZeroCode, ScalarType.Byte, like.device)),
            Optimizer.CreateState(() => zeros([(count + AdamW8Bit.BlockSize - 1) / AdamW8Bit.BlockSize], ScalarType.Float32, like.device)), table);
    }
}
