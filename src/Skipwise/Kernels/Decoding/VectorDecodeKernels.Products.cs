using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Skipwise.Kernels.Decoding;

/// <inheritdoc/>
/// <typeparam name="TLanes">operations of the vector</typeparam>
/// <typeparam name="T">the vector</typeparam>
internal sealed unsafe partial class VectorDecodeKernels<TLanes, T> : DecodeKernels
    where TLanes : ILanes<T> where T : struct
{
    // A tile is two rows of W and one, two or four rows of x, a block four and six. In all of them a number is summed alike: by
    // IWeightFormat.AddFour, in the order of the columns.

    private const int AheadBytes = 1 << 14; // how far memory is fetched in advance; float32 rows a quarter, as measured

    public override int Lanes => TLanes.Count;

    public override void Multiply(DecodeMatrix matrix, int first, int end, float* x, long xRow, int batch, float* y, long yRow)
    {
        Multiply(matrix.Format, matrix.Data, matrix.Scales, matrix.Columns, first, end, x, xRow, batch, y, yRow);
    }

    private static void Multiply(WeightFormat format, byte* data, float* scales, int columns, int first, int end, float* x, long xRow,
        int batch, float* y, long yRow)
    {
        switch (format)
        {
            case WeightFormat.Float32:
                Multiply<Float32Format>(data, scales, columns, first, end, x, xRow, batch, y, yRow);
                break;
            case WeightFormat.BFloat16:
                Multiply<BFloat16Format>(data, scales, columns, first, end, x, xRow, batch, y, yRow);
                break;
            case WeightFormat.Float16:
                Multiply<Float16Format>(data, scales, columns, first, end, x, xRow, batch, y, yRow);
                break;
            case WeightFormat.Int8:
                Multiply<Int8Format>(data, scales, columns, first, end, x, xRow, batch, y, yRow);
                break;
            case WeightFormat.Int8Blocks:
                Multiply<Int8BlockFormat>(data, scales, columns, first, end, x, xRow, batch, y, yRow);
                break;
            default:
                Multiply<NormalFloat4Format>(data, scales, columns, first, end, x, xRow, batch, y, yRow);
                break;
        }
    }

    public override void CopyRow(DecodeMatrix matrix, int row, float scale, float* to)
    {
        byte* data = matrix.Data;
        float* scales = matrix.Scales;
        long from = (long)row * matrix.Columns;
        for (int i = 0; i < matrix.Columns; i++)
        {
            to[i] = scale * matrix.Format switch
            {
                WeightFormat.Float32 => Float32Format.At(data, scales, from + i),
                WeightFormat.BFloat16 => BFloat16Format.At(data, scales, from + i),
                WeightFormat.Float16 => Float16Format.At(data, scales, from + i),
                WeightFormat.Int8 => Int8Format.At(data, scales, from + i),
                WeightFormat.Int8Blocks => Int8BlockFormat.At(data, scales, from + i),
                _ => NormalFloat4Format.At(data, scales, from + i),
            };
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Multiply<TFormat>(
        byte* data, float* scales, int columns, int first, int end, float* x, long xRow, int batch, float* y, long yRow)
        where TFormat : IWeightFormat
    {
        int row = first;
        for (; row <= end - 4 && batch == 1; row += 4)
        {
            long from = (long)row * columns;
            T a = RowSum<TFormat>(data, scales, columns, from, x), b = RowSum<TFormat>(data, scales, columns, from + columns, x);
            T c = RowSum<TFormat>(data, scales, columns, from + (2L * columns), x);
            T d = RowSum<TFormat>(data, scales, columns, from + (3L * columns), x);
            TLanes.Sums(a, b, c, d).Store(y + row);
            AddRest<TFormat>(data, scales, columns, from, 4, x, y + row);
        }
        int blocked = MultiplyBlocks<TFormat>(data, columns, row, end, x, xRow, batch, y, yRow);
        int blockedEnd = row + ((end - row) / BlockRows * BlockRows);
        for (; row < end; row += 2)
        {
            long even = (long)row * columns, odd = row + 1 < end ? even + columns : even; // without a pair the last row is computed twice
            int b = row < blockedEnd ? blocked : 0;
            long step = 4L * TLanes.Count * TFormat.Bits / 8; // the first tile fetches what comes next
            for (; b <= batch - 4; b += 4, step = 0)
            {
                TileOf4<TFormat>(data, scales, columns, even, odd, x + (b * xRow), xRow, y + (b * yRow) + row, yRow, step);
            }
            for (; b <= batch - 2; b += 2, step = 0)
            {
                TileOf2<TFormat>(data, scales, columns, even, odd, x + (b * xRow), xRow, y + (b * yRow) + row, yRow, step);
            }
            if (b < batch)
            {
                float* input = x + (b * xRow);
                T sum = RowSum<TFormat>(data, scales, columns, even, input), next = RowSum<TFormat>(data, scales, columns, odd, input);
                Vector128<float> sums = TLanes.Sums(sum, next, sum, next);
                Store<TFormat>(data, scales, columns, even, odd, input, sums[0], sums[1], y + (b * yRow) + row);
            }
        }
    }

    /// <summary>One row of W with one of x: memory is read in order, and some of what follows is fetched.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T RowSum<TFormat>(byte* data, float* scales, int columns, long row, float* x) where TFormat : IWeightFormat
    {
        byte* ahead = data + (row * TFormat.Bits / 8) + (TFormat.Bits == 32 ? AheadBytes / 4 : AheadBytes);
        int i = 0, group = 4 * TLanes.Count, grouped = GroupedColumns<TFormat>(columns);
        T sum = default;
        for (; i <= grouped - group; i += group)
        {
            sum = Four.Load<TFormat>(data, row + i).AddTo<TFormat>(sum, x + i, scales, row + i);
            ahead = Prefetch<TFormat>(ahead, group * TFormat.Bits / 8);
        }
        for (; i <= columns - TLanes.Count; i += TLanes.Count)
        {
            sum = TFormat.Add<TLanes, T>(TFormat.Load<TLanes, T>(data, row + i), TLanes.Load(x + i), scales, row + i, sum);
        }
        return sum;
    }

    /// <summary>Two rows of W with two of x.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void TileOf2<TFormat>(
        byte* data, float* scales, int columns, long even, long odd, float* x, long xRow, float* y, long yRow,
        long step)
        where TFormat : IWeightFormat
    {
        byte* ahead = data + ((even + Math.Max(2L * columns, AheadBytes * 8 / TFormat.Bits)) * TFormat.Bits / 8);
        float* x1 = x + xRow;
        T even0 = default, even1 = default, odd0 = default, odd1 = default;
        int i = 0, group = 4 * TLanes.Count, grouped = GroupedColumns<TFormat>(columns);
        for (; i <= grouped - group; i += group)
        {
            Four four = Four.Load<TFormat>(data, even + i);
            even0 = four.AddTo<TFormat>(even0, x + i, scales, even + i);
            even1 = four.AddTo<TFormat>(even1, x1 + i, scales, even + i);
            ahead = Prefetch<TFormat>(ahead, step);
            four = Four.Load<TFormat>(data, odd + i);
            odd0 = four.AddTo<TFormat>(odd0, x + i, scales, odd + i);
            odd1 = four.AddTo<TFormat>(odd1, x1 + i, scales, odd + i);
            ahead = Prefetch<TFormat>(ahead, step);
        }
        for (; i <= columns - TLanes.Count; i += TLanes.Count)
        {
            T weight = TFormat.Load<TLanes, T>(data, even + i), other = TFormat.Load<TLanes, T>(data, odd + i);
            T input0 = TLanes.Load(x + i), input1 = TLanes.Load(x1 + i);
            even0 = TFormat.Add<TLanes, T>(weight, input0, scales, even + i, even0);
            even1 = TFormat.Add<TLanes, T>(weight, input1, scales, even + i, even1);
            odd0 = TFormat.Add<TLanes, T>(other, input0, scales, odd + i, odd0);
            odd1 = TFormat.Add<TLanes, T>(other, input1, scales, odd + i, odd1);
        }
        Vector128<float> sums = TLanes.Sums(even0, odd0, even1, odd1);
        Store<TFormat>(data, scales, columns, even, odd, x, sums[0], sums[1], y);
        Store<TFormat>(data, scales, columns, even, odd, x1, sums[2], sums[3], y + yRow);
    }

    /// <summary>Two rows of W with four of x.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void TileOf4<TFormat>(
        byte* data, float* scales, int columns, long even, long odd, float* x, long xRow, float* y, long yRow,
        long step)
        where TFormat : IWeightFormat
    {
        byte* ahead = data + ((even + Math.Max(2L * columns, AheadBytes * 8 / TFormat.Bits)) * TFormat.Bits / 8);
        float* x1 = x + xRow, x2 = x1 + xRow, x3 = x2 + xRow;
        T even0 = default, even1 = default, even2 = default, even3 = default;
        T odd0 = default, odd1 = default, odd2 = default, odd3 = default;
        int i = 0, group = 4 * TLanes.Count, grouped = GroupedColumns<TFormat>(columns);
        for (; i <= grouped - group; i += group)
        {
            Four four = Four.Load<TFormat>(data, even + i);
            even0 = four.AddTo<TFormat>(even0, x + i, scales, even + i);
            even1 = four.AddTo<TFormat>(even1, x1 + i, scales, even + i);
            even2 = four.AddTo<TFormat>(even2, x2 + i, scales, even + i);
            even3 = four.AddTo<TFormat>(even3, x3 + i, scales, even + i);
            ahead = Prefetch<TFormat>(ahead, step);
            four = Four.Load<TFormat>(data, odd + i);
            odd0 = four.AddTo<TFormat>(odd0, x + i, scales, odd + i);
            odd1 = four.AddTo<TFormat>(odd1, x1 + i, scales, odd + i);
            odd2 = four.AddTo<TFormat>(odd2, x2 + i, scales, odd + i);
            odd3 = four.AddTo<TFormat>(odd3, x3 + i, scales, odd + i);
            ahead = Prefetch<TFormat>(ahead, step);
        }
        for (; i <= columns - TLanes.Count; i += TLanes.Count)
        {
            T weight = TFormat.Load<TLanes, T>(data, even + i), other = TFormat.Load<TLanes, T>(data, odd + i);
            T input0 = TLanes.Load(x + i), input1 = TLanes.Load(x1 + i), input2 = TLanes.Load(x2 + i), input3 = TLanes.Load(x3 + i);
            even0 = TFormat.Add<TLanes, T>(weight, input0, scales, even + i, even0);
            even1 = TFormat.Add<TLanes, T>(weight, input1, scales, even + i, even1);
            even2 = TFormat.Add<TLanes, T>(weight, input2, scales, even + i, even2);
            even3 = TFormat.Add<TLanes, T>(weight, input3, scales, even + i, even3);
            odd0 = TFormat.Add<TLanes, T>(other, input0, scales, odd + i, odd0);
            odd1 = TFormat.Add<TLanes, T>(other, input1, scales, odd + i, odd1);
            odd2 = TFormat.Add<TLanes, T>(other, input2, scales, odd + i, odd2);
            odd3 = TFormat.Add<TLanes, T>(other, input3, scales, odd + i, odd3);
        }
        Vector128<float> sums = TLanes.Sums(even0, odd0, even1, odd1), others = TLanes.Sums(even2, odd2, even3, odd3);
        Store<TFormat>(data, scales, columns, even, odd, x, sums[0], sums[1], y);
        Store<TFormat>(data, scales, columns, even, odd, x1, sums[2], sums[3], y + yRow);
        Store<TFormat>(data, scales, columns, even, odd, x2, others[0], others[1], y + (2 * yRow));
        Store<TFormat>(data, scales, columns, even, odd, x3, others[2], others[3], y + (3 * yRow));
    }

    /// <summary>Fetches as much memory as four vectors take into the second cache.</summary>
    /// <param name="step">bytes to where it goes on</param>
    /// <returns>where to go on</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static byte* Prefetch<TFormat>(byte* ahead, long step) where TFormat : IWeightFormat
    {
        if (Sse.IsSupported)
        {
            Sse.Prefetch1(ahead);
            if (TFormat.Bits >= 16)
            {
                Sse.Prefetch1(ahead + 64);
            }
            if (TFormat.Bits == 32)
            {
                Sse.Prefetch1(ahead + 128);
                Sse.Prefetch1(ahead + 192);
            }
        }
        return ahead + step;
    }

    /// <summary>Columns of which four vectors are summed at once: none if they could cross the border of a block.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int GroupedColumns<TFormat>(int columns) where TFormat : IWeightFormat =>
        TFormat.IsScaled && columns % IWeightFormat.BlockSize != 0 ? 0 : columns;

    /// <summary>Adds the products of the last columns, which do not fill a vector, to the sums of some rows with a row of x.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddRest<TFormat>(byte* data, float* scales, int columns, long first, int rows, float* x, float* y)
        where TFormat : IWeightFormat
    {
        for (int i = columns / TLanes.Count * TLanes.Count; i < columns; i++)
        {
            for (int row = 0; row < rows; row++)
            {
                y[row] += TFormat.At(data, scales, first + ((long)row * columns) + i) * x[i];
            }
        }
    }

    /// <summary>Stores the sums of two rows of W with a row of x, after adding the last columns, which do not fill a vector.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store<TFormat>(
        byte* data, float* scales, int columns, long even, long odd, float* x, float evenSum, float oddSum, float* y)
        where TFormat : IWeightFormat
    {
        for (int i = columns / TLanes.Count * TLanes.Count; i < columns; i++)
        {
            evenSum += TFormat.At(data, scales, even + i) * x[i];
            oddSum += TFormat.At(data, scales, odd + i) * x[i];
        }
        y[0] = evenSum;
        if (even != odd)
        {
            y[1] = oddSum;
        }
    }

    /// <summary>Four vectors: of a row of W, or of one of four rows each.</summary>
    private readonly struct Four(T first, T second, T third, T fourth)
    {
        private readonly T _first = first, _second = second, _third = third, _fourth = fourth;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Four Load<TFormat>(byte* data, long at) where TFormat : IWeightFormat => new(
            TFormat.Load<TLanes, T>(data, at), TFormat.Load<TLanes, T>(data, at + TLanes.Count),
            TFormat.Load<TLanes, T>(data, at + (2 * TLanes.Count)), TFormat.Load<TLanes, T>(data, at + (3 * TLanes.Count)));

        /// <summary>A vector of each of four rows of W.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Four LoadRows<TFormat>(byte* data, long at, int columns) where TFormat : IWeightFormat => new(
            TFormat.Load<TLanes, T>(data, at), TFormat.Load<TLanes, T>(data, at + columns),
            TFormat.Load<TLanes, T>(data, at + (2L * columns)), TFormat.Load<TLanes, T>(data, at + (3L * columns)));

        /// <summary>Each sum and a product with one vector.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Four AddProducts(Four weights, T x) => new(
            TLanes.MultiplyAdd(weights._first, x, _first), TLanes.MultiplyAdd(weights._second, x, _second),
            TLanes.MultiplyAdd(weights._third, x, _third), TLanes.MultiplyAdd(weights._fourth, x, _fourth));

        /// <summary>The sum of each vector's numbers.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Vector128<float> Sums() => TLanes.Sums(_first, _second, _third, _fourth);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public T AddTo<TFormat>(T sum, float* x, float* scales, long at) where TFormat : IWeightFormat =>
            TFormat.AddFour<TLanes, T>(_first, _second, _third, _fourth, x, scales, at, sum);
    }
}
