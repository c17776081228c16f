using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Skipwise.Kernels.Decoding;

/// <summary>Products with many rows of x, which the arithmetic limits and not the memory: as many sums as registers hold, so that a vector
/// that is loaded serves several of them.</summary>
internal sealed unsafe partial class VectorDecodeKernels<TLanes, T>
{
    private const int BlockRows = 4, BlockBatch = 6; // of W and x

    /// <summary>Computes as many rows of x in blocks as fill them: where vectors are added to a sum one by one, as
    /// <see cref="IWeightFormat.AddDot"/> does with 16 lanes, so that a block's sums have the bits of a single row's.</summary>
    /// <returns>these rows of x, of which all of W are done but the last that fill no block</returns>
    private static int MultiplyBlocks<TFormat>(
        byte* data, int columns, int first, int end, float* x, long xRow, int batch, float* y, long yRow) where TFormat : IWeightFormat
    {
        if (TLanes.Count != 16 || TFormat.IsScaled)
        {
            return 0;
        }
        int blocked = batch / BlockBatch * BlockBatch;
        for (int row = first; row <= end - BlockRows && blocked > 0; row += BlockRows)
        {
            long step = 4L * TLanes.Count * TFormat.Bits / 8; // the first block fetches what comes next
            for (int b = 0; b < blocked; b += BlockBatch, step = 0)
            {
                Block<TFormat>(data, columns, (long)row * columns, x + (b * xRow), xRow, y + (b * yRow) + row, yRow, step);
            }
        }
        return blocked;
    }

    /// <summary>Four rows of W with six of x.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Block<TFormat>(byte* data, int columns, long first, float* x, long xRow, float* y, long yRow, long step)
        where TFormat : IWeightFormat
    {
        float* x1 = x + xRow, x2 = x1 + xRow, x3 = x2 + xRow, x4 = x3 + xRow, x5 = x4 + xRow;
        byte* ahead = data + ((first + Math.Max(4L * columns, AheadBytes * 8 / TFormat.Bits)) * TFormat.Bits / 8);
        Four s0 = default, s1 = default, s2 = default, s3 = default, s4 = default, s5 = default;
        for (int i = 0; i <= columns - TLanes.Count; i += TLanes.Count)
        {
            Four weights = Four.LoadRows<TFormat>(data, first + i, columns);
            ahead = Prefetch<TFormat>(ahead, step);
            s0 = s0.AddProducts(weights, TLanes.Load(x + i));
            s1 = s1.AddProducts(weights, TLanes.Load(x1 + i));
            s2 = s2.AddProducts(weights, TLanes.Load(x2 + i));
            s3 = s3.AddProducts(weights, TLanes.Load(x3 + i));
            s4 = s4.AddProducts(weights, TLanes.Load(x4 + i));
            s5 = s5.AddProducts(weights, TLanes.Load(x5 + i));
        }
        Store<TFormat>(data, columns, first, x, s0, y);
        Store<TFormat>(data, columns, first, x1, s1, y + yRow);
        Store<TFormat>(data, columns, first, x2, s2, y + (2 * yRow));
        Store<TFormat>(data, columns, first, x3, s3, y + (3 * yRow));
        Store<TFormat>(data, columns, first, x4, s4, y + (4 * yRow));
        Store<TFormat>(data, columns, first, x5, s5, y + (5 * yRow));
    }

    /// <summary>Stores the sums of four rows of W with a row of x, after adding the last columns, which do not fill a vector.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store<TFormat>(byte* data, int columns, long first, float* x, Four sums, float* y) where TFormat : IWeightFormat
    {
        sums.Sums().Store(y);
        AddRest<TFormat>(data, null, columns, first, 4, x, y);
    }
}
