using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Skipwise.Numerics;
using Skipwise.Rope;

namespace Skipwise.Kernels.Decoding;

/// <summary>
/// What decoding one token of each of a few texts computes, on raw memory and without allocations. Every number is summed in an order that
/// depends on its own row alone: neither on the other rows nor on how the work is divided.
/// </summary>
internal abstract unsafe class DecodeKernels
{
    // B rows of the batch, G query heads of a key/value head, D head dim, R rotary dim

    /// <summary>Compiled after the table of <see cref="NormalFloat4"/> exists, kernels read it as a constant.</summary>
    protected DecodeKernels() => RuntimeHelpers.RunClassConstructor(typeof(NormalFloat4).TypeHandle);

    /// <summary>With the widest vectors that this processor has.</summary>
    public static DecodeKernels Best { get; } =
        Lanes512.IsSupported ? new VectorDecodeKernels<Lanes512, Vector512<float>>()
        : Lanes256.IsSupported ? new VectorDecodeKernels<Lanes256, Vector256<float>>()
        : new VectorDecodeKernels<Lanes128, Vector128<float>>();

    /// <summary>numbers of a vector</summary>
    public abstract int Lanes { get; }

    /// <summary>y = x W^T for some rows of W, without the bias.</summary>
    /// <param name="first">first row of W</param>
    /// <param name="end">the row after the last</param>
    /// <param name="x">[B, columns], row stride <paramref name="xRow"/></param>
    /// <param name="y">[B, rows], row stride <paramref name="yRow"/>; columns first to end are written</param>
    public abstract void Multiply(DecodeMatrix matrix, int first, int end, float* x, long xRow, int batch, float* y, long yRow);

    /// <summary>One row of a matrix, times a scale.</summary>
    /// <param name="to">[columns]</param>
    public abstract void CopyRow(DecodeMatrix matrix, int row, float scale, float* to);

    /// <summary>The norm of one row.</summary>
    /// <param name="x">[size]</param>
    /// <param name="y">[size]; may be x</param>
    public abstract void Norm(NormWeights norm, float* x, float* y);

    /// <summary>y += x.</summary>
    public abstract void Add(float* x, float* y, int count);

    /// <summary>y = act(gate) up, or act(gate) without an up.</summary>
    /// <param name="up">null: none</param>
    /// <param name="y">may be gate</param>
    public abstract void Activate(ActivationKind activation, float* gate, float* up, float* y, int count);

    /// <summary>Rotates the pairs of a head and leaves them interleaved, as <see cref="KernelSet.Rotate"/> does; then scales all.</summary>
    /// <param name="x">[D]</param>
    /// <param name="cosines">[R/2]</param>
    /// <param name="sines">[R/2]</param>
    /// <param name="y">[D], not x</param>
    public abstract void Rotate(RotaryLayout layout, float* x, float* cosines, float* sines, int pairs, int dim, float scale, float* y);

    /// <summary>Stores numbers in one of the formats of a KV cache, rounded to the nearest.</summary>
    public static void Store(WeightFormat format, float* from, byte* to, int count)
    {
        if (format == WeightFormat.Int8Blocks)
        {
            Int8BlockFormat.Store(from, to, count);
            return;
        }
        for (int i = 0; i < count; i++)
        {
            switch (format)
            {
                case WeightFormat.BFloat16:
                    ((ushort*)to)[i] = HalfFloats.NarrowBFloat16(from[i]);
                    break;
                case WeightFormat.Float16:
                    ((Half*)to)[i] = (Half)from[i];
                    break;
                default:
                    ((float*)to)[i] = from[i];
                    break;
            }
        }
    }

    /// <summary>Reads numbers of <see cref="WeightFormat.Int8Blocks"/>.</summary>
    /// <param name="count">whole blocks</param>
    public abstract void Dequantize(byte* from, float* to, int count);

    /// <summary>Elements of a row of scores: tokens, rounded up to vectors.</summary>
    public int ScoreRow(int tokens) => (tokens + Lanes - 1) / Lanes * Lanes;

    /// <summary>Attention of a group of query heads to some tokens: what <see cref="CombineAttention"/> takes.</summary>
    /// <param name="format">of keys and values</param>
    /// <param name="keys">[tokens, D]</param>
    /// <param name="values">[tokens, D]</param>
    /// <param name="queries">[G, D], scaled</param>
    /// <param name="scores">[G, <see cref="ScoreRow"/>], set to the weights e^(score - largest)</param>
    /// <param name="piece">[G (D + 2)]: sums of values [G, D], weighted by e^(score - largest); largest scores [G]; sums of the
    /// weights [G]</param>
    public abstract void Attend(
        WeightFormat format, byte* keys, byte* values, int tokens, float* queries, int group, int dim, float* scores, float* piece);

    /// <summary>Attention of a group of query heads to all tokens from that to pieces of them.</summary>
    /// <param name="pieces">the first piece, each <paramref name="stride"/> after the one before</param>
    /// <param name="to">[G, D]</param>
    public abstract void CombineAttention(float* pieces, long stride, int count, int group, int dim, float* to);
}
