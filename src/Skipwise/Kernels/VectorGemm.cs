using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Skipwise.Kernels;

/// <summary>
/// Matrix products of <see cref="TiledAttention{TLanes, T}"/>, for matrices that fit the cache. A tile of the result, 6 rows of 4 vectors
/// or, with 16 registers, of 2, accumulates in registers. On the small and narrow matrices of attention this is faster than MKL, which
/// packs them first.
/// </summary>
/// <typeparam name="TLanes">operations of the vector</typeparam>
/// <typeparam name="T">the vector</typeparam>
internal static unsafe class VectorGemm<TLanes, T> where TLanes : ILanes<T> where T : struct
{
    /// <summary>columns of the widest tile</summary>
    public static int TileColumns
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => (TLanes.Registers >= 32 ? 4 : 2) * TLanes.Count;
    }

    /// <summary>columns of the narrowest tile; a matrix's are a multiple of it</summary>
    public static int MinColumns => 2 * TLanes.Count;

    /// <summary>c = a b, or c += a b, for six rows of c.</summary>
    /// <param name="a">element (i, k) is at i rowStep + k step</param>
    /// <param name="b">[depth, columns], row stride <paramref name="bRow"/></param>
    /// <param name="c">[6, columns], row stride <paramref name="cRow"/></param>
    /// <param name="columns">a multiple of <see cref="MinColumns"/></param>
    public static void Multiply(
        float* a, nint rowStep, nint step, float* b, nint bRow, float* c, nint cRow, int columns, int depth, bool adds)
    {
        int column = 0;
        for (; column <= columns - TileColumns; column += TileColumns)
        {
            if (TLanes.Registers >= 32)
            {
                Tile6By4(a, rowStep, step, b + column, bRow, c + column, cRow, depth, adds);
            }
            else
            {
                Tile6By2(a, rowStep, step, b + column, bRow, c + column, cRow, depth, adds);
            }
        }
        if (column < columns)
        {
            Tile6By2(a, rowStep, step, b + column, bRow, c + column, cRow, depth, adds);
        }
    }

    // 24 accumulators, four vectors of b and one element of a: 29 of 32 registers.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile6By4(float* a, nint rowStep, nint step, float* b, nint bRow, float* c, nint cRow, int depth, bool adds)
    {
        T c00 = default, c01 = default, c02 = default, c03 = default;
        T c10 = default, c11 = default, c12 = default, c13 = default;
        T c20 = default, c21 = default, c22 = default, c23 = default;
        T c30 = default, c31 = default, c32 = default, c33 = default;
        T c40 = default, c41 = default, c42 = default, c43 = default;
        T c50 = default, c51 = default, c52 = default, c53 = default;
        float* a3 = a + (3 * rowStep);
        nint twoRows = 2 * rowStep;
        for (; depth > 0; depth--)
        {
            T b0 = TLanes.Load(b), b1 = TLanes.Load(b + TLanes.Count);
            T b2 = TLanes.Load(b + (2 * TLanes.Count)), b3 = TLanes.Load(b + (3 * TLanes.Count));
            T x = TLanes.Fill(*a);
            (c00, c01, c02, c03) = (
                TLanes.MultiplyAdd(x, b0, c00), TLanes.MultiplyAdd(x, b1, c01),
                TLanes.MultiplyAdd(x, b2, c02), TLanes.MultiplyAdd(x, b3, c03));
            x = TLanes.Fill(a[rowStep]);
            (c10, c11, c12, c13) = (
                TLanes.MultiplyAdd(x, b0, c10), TLanes.MultiplyAdd(x, b1, c11),
                TLanes.MultiplyAdd(x, b2, c12), TLanes.MultiplyAdd(x, b3, c13));
            x = TLanes.Fill(a[twoRows]);
            (c20, c21, c22, c23) = (
                TLanes.MultiplyAdd(x, b0, c20), TLanes.MultiplyAdd(x, b1, c21),
                TLanes.MultiplyAdd(x, b2, c22), TLanes.MultiplyAdd(x, b3, c23));
            x = TLanes.Fill(*a3);
            (c30, c31, c32, c33) = (
                TLanes.MultiplyAdd(x, b0, c30), TLanes.MultiplyAdd(x, b1, c31),
                TLanes.MultiplyAdd(x, b2, c32), TLanes.MultiplyAdd(x, b3, c33));
            x = TLanes.Fill(a3[rowStep]);
            (c40, c41, c42, c43) = (
                TLanes.MultiplyAdd(x, b0, c40), TLanes.MultiplyAdd(x, b1, c41),
                TLanes.MultiplyAdd(x, b2, c42), TLanes.MultiplyAdd(x, b3, c43));
            x = TLanes.Fill(a3[twoRows]);
            (c50, c51, c52, c53) = (
                TLanes.MultiplyAdd(x, b0, c50), TLanes.MultiplyAdd(x, b1, c51),
                TLanes.MultiplyAdd(x, b2, c52), TLanes.MultiplyAdd(x, b3, c53));
            a += step;
            a3 += step;
            b += bRow;
        }
        Store(c, c00, c01, c02, c03, adds);
        Store(c + cRow, c10, c11, c12, c13, adds);
        Store(c + (2 * cRow), c20, c21, c22, c23, adds);
        Store(c + (3 * cRow), c30, c31, c32, c33, adds);
        Store(c + (4 * cRow), c40, c41, c42, c43, adds);
        Store(c + (5 * cRow), c50, c51, c52, c53, adds);
    }

    // 12 accumulators, two vectors of b and one element of a: 15 of 16 registers.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile6By2(float* a, nint rowStep, nint step, float* b, nint bRow, float* c, nint cRow, int depth, bool adds)
    {
        T c00 = default, c01 = default, c10 = default, c11 = default, c20 = default, c21 = default;
        T c30 = default, c31 = default, c40 = default, c41 = default, c50 = default, c51 = default;
        float* a3 = a + (3 * rowStep);
        nint twoRows = 2 * rowStep;
        for (; depth > 0; depth--)
        {
            T b0 = TLanes.Load(b), b1 = TLanes.Load(b + TLanes.Count);
            T x = TLanes.Fill(*a);
            (c00, c01) = (TLanes.MultiplyAdd(x, b0, c00), TLanes.MultiplyAdd(x, b1, c01));
            x = TLanes.Fill(a[rowStep]);
            (c10, c11) = (TLanes.MultiplyAdd(x, b0, c10), TLanes.MultiplyAdd(x, b1, c11));
            x = TLanes.Fill(a[twoRows]);
            (c20, c21) = (TLanes.MultiplyAdd(x, b0, c20), TLanes.MultiplyAdd(x, b1, c21));
            x = TLanes.Fill(*a3);
            (c30, c31) = (TLanes.MultiplyAdd(x, b0, c30), TLanes.MultiplyAdd(x, b1, c31));
            x = TLanes.Fill(a3[rowStep]);
            (c40, c41) = (TLanes.MultiplyAdd(x, b0, c40), TLanes.MultiplyAdd(x, b1, c41));
            x = TLanes.Fill(a3[twoRows]);
            (c50, c51) = (TLanes.MultiplyAdd(x, b0, c50), TLanes.MultiplyAdd(x, b1, c51));
            a += step;
            a3 += step;
            b += bRow;
        }
        Store(c, c00, c01, adds);
        Store(c + cRow, c10, c11, adds);
        Store(c + (2 * cRow), c20, c21, adds);
        Store(c + (3 * cRow), c30, c31, adds);
        Store(c + (4 * cRow), c40, c41, adds);
        Store(c + (5 * cRow), c50, c51, adds);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(float* c, T x0, T x1, T x2, T x3, bool adds)
    {
        Store(c, x0, x1, adds);
        Store(c + (2 * TLanes.Count), x2, x3, adds);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(float* c, T x0, T x1, bool adds)
    {
        TLanes.Store(adds ? TLanes.Add(x0, TLanes.Load(c)) : x0, c);
        TLanes.Store(adds ? TLanes.Add(x1, TLanes.Load(c + TLanes.Count)) : x1, c + TLanes.Count);
    }

    /// <summary>to = factor from; columns from there to <paramref name="filled"/> are zeroed.</summary>
    /// <param name="from">[rows, columns], row stride <paramref name="fromRow"/></param>
    /// <param name="to">[rows, filled], row stride <paramref name="toRow"/></param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void ScaledCopy(float* from, nint fromRow, float* to, nint toRow, int rows, int columns, int filled, float factor)
    {
        T factors = TLanes.Fill(factor);
        for (int row = 0; row < rows; row++, from += fromRow, to += toRow)
        {
            int column = 0;
            for (; column <= columns - TLanes.Count; column += TLanes.Count)
            {
                TLanes.Store(TLanes.Multiply(TLanes.Load(from + column), factors), to + column);
            }
            for (; column < columns; column++)
            {
                to[column] = from[column] * factor;
            }
            for (; column < filled; column++)
            {
                to[column] = 0;
            }
        }
    }

    /// <summary>
    /// Transposes panels of as many source rows as a tile has columns: to[panel, column, lane] = factor from[panel rows + lane, column]; 0
    /// if the source has no such row.
    /// </summary>
    /// <param name="from">[rows, columns], row stride <paramref name="fromRow"/></param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void PackTransposed(float* from, nint fromRow, float* to, int rows, int columns, float factor)
    {
        Vector128<float> factors = Vector128.Create(factor);
        int width = TileColumns;
        for (int start = 0; start < rows; start += width, to += width * columns)
        {
            int lanes = Math.Min(width, rows - start);
            if (lanes < width)
            {
                new Span<float>(to, width * columns).Clear();
            }
            int lane = 0;
            for (; lane <= lanes - 4; lane += 4)
            {
                float* row = from + ((start + lane) * fromRow);
                int column = 0;
                for (; column <= columns - 4; column += 4)
                {
                    Vector128<float> r0 = Vector128.Load(row + column), r1 = Vector128.Load(row + fromRow + column);
                    Vector128<float> r2 = Vector128.Load(row + (2 * fromRow) + column), r3 = Vector128.Load(row + (3 * fromRow) + column);
                    (r0, r1, r2, r3) = Lanes128.Transpose(r0, r1, r2, r3);
                    float* target = to + (column * width) + lane;
                    (r0 * factors).Store(target);
                    (r1 * factors).Store(target + width);
                    (r2 * factors).Store(target + (2 * width));
                    (r3 * factors).Store(target + (3 * width));
                }
                for (; column < columns; column++)
                {
                    for (int i = 0; i < 4; i++)
                    {
                        to[(column * width) + lane + i] = row[(i * fromRow) + column] * factor;
                    }
                }
            }
            for (; lane < lanes; lane++)
            {
                for (int column = 0; column < columns; column++)
                {
                    to[(column * width) + lane] = from[((start + lane) * fromRow) + column] * factor;
                }
            }
        }
    }
}
