using Skipwise.Kernels;
using Skipwise.Kernels.Decoding;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Inference;

/// <summary>Writes and reads the rows of pages in <see cref="WeightFormat.Int8Blocks"/>: on the CPU as a decode step does, and for every
/// device by libtorch's operations, which are the reference.</summary>
internal static unsafe class QuantizedRows
{
    // K kv heads, T tokens, D head dim, R bytes of a row

    private const int FiniteHalves = Int8BlockFormat.NoScale; // bits below are those of finite numbers

    /// <summary>float32 [31745]: the float16 numbers from 0 on in the order of their bits, which is theirs, then NaN. No operation reads
    /// bits as a number of another type.</summary>
    private static readonly Lazy<Tensor> s_halves = new(() => tensor(
        (float[])[.. Enumerable.Range(0, FiniteHalves).Select(bits => (float)BitConverter.UInt16BitsToHalf((ushort)bits)), float.NaN],
        device: CPU).DetachFromDisposeScope());

    /// <param name="rows">[K, T, D]</param>
    /// <param name="page">of the same layer and part: [K][<see cref="KvPageLayout.PageTokens"/>][R]</param>
    /// <param name="slot">of the first token</param>
    public static void Write(Tensor rows, byte* page, int slot)
    {
        using var scope = NewDisposeScope();
        using var pointers = new TensorPointers();
        float* from = pointers.To<float>(rows.to(ScalarType.Float32).contiguous());
        (long heads, long tokens, long dim) = (rows.size(0), rows.size(1), rows.size(2));
        long bytes = BytesOf(dim);
        ParallelWork.ForRange(heads * tokens, dim, (first, end) =>
        {
            for (long row = first; row < end; row++)
            {
                (long head, long token) = Math.DivRem(row, tokens);
                Int8BlockFormat.Store(from + (row * dim), page + (((head * KvPageLayout.PageTokens) + slot + token) * bytes), dim);
            }
        });
    }

    /// <param name="page">of the same layer and part: [K][<see cref="KvPageLayout.PageTokens"/>][R], from its first slot on</param>
    /// <param name="to">float32 [K, T, D], with any stride of K</param>
    public static void Read(byte* page, Tensor to)
    {
        using var pointers = new TensorPointers();
        float* numbers = pointers.To<float>(to, anyStrides: true);
        (long heads, long tokens, long dim, long stride) = (to.size(0), to.size(1), to.size(2), to.stride(0));
        long bytes = BytesOf(dim);
        ParallelWork.ForRange(heads * tokens, dim, (first, end) =>
        {
            for (long row = first; row < end; row++)
            {
                (long head, long token) = Math.DivRem(row, tokens);
                DecodeKernels.Best.Dequantize(
                    page + (((head * KvPageLayout.PageTokens) + token) * bytes), numbers + (head * stride) + (token * dim), (int)dim);
            }
        });
    }

    /// <param name="rows">[K, T, D]</param>
    /// <param name="to">uint8 [K, T, R], a view of a page</param>
    public static void WriteReference(Tensor rows, Tensor to)
    {
        using var scope = NewDisposeScope();
        const double most = Int8BlockFormat.Largest;
        Tensor halves = s_halves.Value.to(rows.device), blocks = rows.to(ScalarType.Float32).unflatten(2, [-1, Int8BlockFormat.BlockSize]);
        Tensor scales = (blocks.abs().amax([-1L], keepdim: true) / most).to(ScalarType.Float16).to(ScalarType.Float32); // [K, T, N, 1]
        Tensor codes = (blocks / scales).round().clamp(-most, most).nan_to_num(0).to(ScalarType.Int8).to(ScalarType.Byte);
        Tensor bits = bucketize(scales.nan_to_num(double.PositiveInfinity), halves.narrow(0, 0, FiniteHalves));
        to.copy_(cat([(bits % 256).to(ScalarType.Byte), (bits / 256).floor().to(ScalarType.Byte), codes], -1).flatten(-2));
    }

    /// <param name="from">uint8 [K, T, R], a view of a page</param>
    /// <param name="to">[K, T, D]</param>
    public static void ReadReference(Tensor from, Tensor to)
    {
        using var scope = NewDisposeScope();
        Tensor blocks = from.unflatten(2, [-1, Int8BlockFormat.BlockBytes]), low = blocks.narrow(-1, 0, 1), high = blocks.narrow(-1, 1, 1);
        Tensor bits = low.to(ScalarType.Int64) + (high.to(ScalarType.Int64) * 256); // [K, T, N, 1]
        Tensor scales = s_halves.Value.to(from.device).index_select(0, bits.clamp(0, FiniteHalves).flatten()).view(bits.shape);
        Tensor codes = blocks.narrow(-1, sizeof(ushort), Int8BlockFormat.BlockSize).to(ScalarType.Int8).to(ScalarType.Float32);
        to.copy_((codes * scales).flatten(-2));
    }

    private static long BytesOf(long dim) => dim / Int8BlockFormat.BlockSize * Int8BlockFormat.BlockBytes;
}
