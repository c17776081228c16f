using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Kernels;

/// <summary>A running mean of N numbers in 8 bits.</summary>
/// <param name="Codes">uint8 [N]</param>
/// <param name="Absmax">float32 [N / 256, rounded up]: the largest magnitude of each block</param>
internal sealed record QuantizedMoment(Tensor Codes, Tensor Absmax, QuantizationTable Table)
{
    /// <summary>numbers that share a scale</summary>
    public const int BlockSize = 256;

    /// <summary>Of as many zeros as <paramref name="like"/> has numbers, on its device; it outlives all scopes.</summary>
    public static QuantizedMoment Zeros(Tensor like, QuantizationTable table)
    {
        long count = like.numel();
        return new(
            full([count], (int)table.ZeroCode, ScalarType.Byte, like.device).DetachFromDisposeScope(),
            zeros([(count + BlockSize - 1) / BlockSize], ScalarType.Float32, like.device).DetachFromDisposeScope(), table);
    }
}
