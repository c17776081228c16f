using Skipwise.Kernels.Decoding;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Models.Quantization;

/// <summary>
/// A frozen weight quantized to 8 or 4 bits: blocks of 64 weights, each divided by its largest magnitude (absmax), which is kept in
/// float32. 8 bits: integers from -127 to 127. 4 bits: NormalFloat4 (Dettmers et al. 2023), 16 quantiles of a normal distribution.
/// </summary>
internal sealed class QuantizedWeight : IDisposable
{
    /// <summary>weights that share a scale</summary>
    public const int BlockSize = 64;

    private const long BlocksAtOnce = 1 << 12;
    private readonly long[] _shape;
    private ScalarType _dtype; // of the dequantized weight
    private readonly Tensor _codes; // int8 [N, 64], or uint8 [N, 32] with the first of a pair in the low half
    private readonly Tensor _scales; // float32 [N, 1]
    private readonly Tensor? _decodeTable; // float32 [256, 2]: the two values of a byte

    /// <param name="weight">any shape; not changed</param>
    /// <param name="bits">8 or 4</param>
    public QuantizedWeight(Tensor weight, int bits)
    {
        using var scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        (_shape, _dtype, Bits) = (weight.shape, weight.dtype, bits);
        Tensor flat = weight.detach().flatten();
        long padding = (BlockSize - (flat.numel() % BlockSize)) % BlockSize;
        Tensor blocks = (padding == 0 ? flat : cat([flat, zeros(padding, flat.dtype, flat.device)])).view(-1, BlockSize); // [N, 64]
        long count = blocks.size(0);
        _codes = empty([count, BlockSize * bits / 8], bits == 8 ? ScalarType.Int8 : ScalarType.Byte, flat.device).DetachFromDisposeScope();
        _scales = empty([count, 1], ScalarType.Float32, flat.device).DetachFromDisposeScope();
        _decodeTable = bits == 8 ? null : DecodeTable(flat.device).DetachFromDisposeScope();
        for (long start = 0; start < count; start += BlocksAtOnce) // keeps temporaries small compared with the weight
        {
            using var piece = NewDisposeScope();
            Tensor Part(Tensor all) => all.narrow(0, start, Math.Min(BlocksAtOnce, count - start));
            Tensor values = Part(blocks).to(ScalarType.Float32), scales = values.abs().amax([1L], keepdim: true); // [n, 1]
            Tensor unit = values / scales.clamp_min(float.Epsilon); // a block of zeros stays one
            Part(_codes).copy_(bits == 8 ? unit.mul(127).round() : EncodeNormalFloat4(unit));
            Part(_scales).copy_(bits == 8 ? scales / 127 : scales);
        }
    }

    public int Bits { get; }

    /// <summary>int8 [N, 64], or uint8 [N, 32] with two codes of <see cref="NormalFloat4"/> each, the first in the lower half</summary>
    internal Tensor Codes => _codes;

    /// <summary>float32 [N, 1]</summary>
    internal Tensor Scales => _scales;

    /// <summary>memory of the weight, in bytes</summary>
    public long Bytes => _codes.numel() + (_scales.numel() * sizeof(float));

    /// <summary><see cref="Bytes"/> of a weight of that many elements.</summary>
    public static long BytesOf(long elements, int bits)
    {
        long blocks = (elements + BlockSize - 1) / BlockSize;
        return blocks * ((BlockSize * bits / 8) + sizeof(float));
    }

    /// <summary>The dequantized weight, in its original type and shape.</summary>
    public Tensor Dequantize()
    {
        using var scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        Tensor unit = _decodeTable is null
            ? _codes.to(ScalarType.Float32)
            : _decodeTable.index_select(0, _codes.flatten().to(ScalarType.Int32)).view(-1, BlockSize);
        long count = _shape.Aggregate(1L, (product, size) => product * size);
        return unit.mul_(_scales).flatten().narrow(0, 0, count).view(_shape).to(_dtype).MoveToOuterDisposeScope();
    }

    /// <summary>Sets type and device of the dequantized weight.</summary>
    internal void MoveTo(ScalarType dtype, Device device)
    {
        using var scope = NewDisposeScope();
        _dtype = dtype;
        foreach (Tensor part in new[] { _codes, _scales, _decodeTable }.OfType<Tensor>())
        {
            ParameterData.Set(part, part.to(device));
        }
    }

    public void Dispose()
    {
        _codes.Dispose();
        _scales.Dispose();
        _decodeTable?.Dispose();
    }

    /// <summary>Codes of the nearest of the 16 values, two per byte.</summary>
    private static Tensor EncodeNormalFloat4(Tensor unit)
    {
        float[] halfway = [.. NormalFloat4.Values.Zip(NormalFloat4.Values.Skip(1), (low, high) => (low + high) / 2)];
        Tensor codes = bucketize(unit, tensor(halfway, device: unit.device)).to(ScalarType.Byte).view(unit.size(0), BlockSize / 2, 2);
        return codes.select(2, 0) + (codes.select(2, 1) * 16);
    }

    private static Tensor DecodeTable(Device device)
    {
        float[] values =
        [
            .. Enumerable.Range(0, 256).SelectMany(pair => new[] { NormalFloat4.Values[pair % 16], NormalFloat4.Values[pair / 16] }),
        ];
        return tensor(values, device: device).view(256, 2);
    }
}
