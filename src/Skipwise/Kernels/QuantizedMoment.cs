using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Kernels;

/// <summary>A moment of N elements, quantized to 8 bits.</summary>
/// <param name="Codes">uint8 [N]</param>
/// <param name="Absmax">float32 [N / 256, rounded up]: the largest magnitude of each block</param>
internal sealed record QuantizedMoment(Tensor Codes, Tensor Absmax, QuantizationTable Table)
{
    /// <summary>elements per block, which share a scale</summary>
    public const int BlockSize = 256;

    /// <summary>A moment of zeros with the shape and device of <paramref name="like"/>, outside all dispose scopes.</summary>
    public static QuantizedMoment Zeros(Tensor like, QuantizationTable table)
    {
        long count = like.numel();
        return new(
            full([count], (int)table.ZeroCode, ScalarType.Byte, like.device).DetachFromDisposeScope(),
            zeros([(count + BlockSize - 1) / BlockSize], ScalarType.Float32, like.device).DetachFromDisposeScope(), table);
    }
}
