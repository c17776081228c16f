using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Skipwise.Kernels;

/// <summary>
/// Matrix products of <see cref="TiledAttention"/> with AVX-512, for matrices that fit the cache. A tile of the result, 6 rows of 64
/// elements, accumulates in registers. On the small and narrow matrices of attention this is faster than MKL, which packs them first.
/// </summary>
internal static unsafe class Avx512Gemm
{
    public const int VectorWidth = 16;
    /// <summary>columns of a tile; rows of a right-hand matrix are a multiple of half of it</summary>
    public const int TileColumns = 64;
    /// <summary>rows of a tile; a result's rows are a multiple of it</summary>
    public const int TileRows = 6;
    /// <summary>
    /// Inputs of <see cref="Exp"/> below it give 0. The results are summed with a 1, in which 2e-22 is lost even a million times over.
    /// Their products with small gradients would be subnormal, and each subnormal costs an Intel core a hundred cycles.
    /// </summary>
    public const float MinExponent = -50;

    /// <summary>Rounds up to a multiple.</summary>
    public static int RoundUp(int number, int multiple) => (number + multiple - 1) / multiple * multiple;

    /// <summary>c = a b, or c += a b, for six rows of c.</summary>
    /// <param name="a">element (i, k) is at i rowStep + k step</param>
    /// <param name="b">[depth, columns], row stride <paramref name="bRow"/></param>
    /// <param name="c">[6, columns], row stride <paramref name="cRow"/></param>
    /// <param name="columns">a multiple of 32</param>
    public static void Multiply(
        float* a, nint rowStep, nint step, float* b, nint bRow, float* c, nint cRow, int columns, int depth, bool adds)
    {
        int column = 0;
        for (; column <= columns - TileColumns; column += TileColumns)
        {
            Tile(a, rowStep, step, b + column, bRow, c + column, cRow, depth, adds);
        }
        if (column < columns)
        {
            HalfTile(a, rowStep, step, b + column, bRow, c + column, cRow, depth, adds);
        }
    }

    // 24 accumulators, four vectors of b and one element of a: 29 of the 32 registers.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile(float* a, nint rowStep, nint step, float* b, nint bRow, float* c, nint cRow, int depth, bool adds)
    {
        Vector512<float> c00 = default, c01 = default, c02 = default, c03 = default;
        Vector512<float> c10 = default, c11 = default, c12 = default, c13 = default;
        Vector512<float> c20 = default, c21 = default, c22 = default, c23 = default;
        Vector512<float> c30 = default, c31 = default, c32 = default, c33 = default;
        Vector512<float> c40 = default, c41 = default, c42 = default, c43 = default;
        Vector512<float> c50 = default, c51 = default, c52 = default, c53 = default;
        float* a1 = a + rowStep, a2 = a1 + rowStep, a3 = a2 + rowStep, a4 = a3 + rowStep, a5 = a4 + rowStep;
        for (int k = 0; k < depth; k++)
        {
            Vector512<float> b0 = Vector512.Load(b), b1 = Vector512.Load(b + 16), b2 = Vector512.Load(b + 32), b3 = Vector512.Load(b + 48);
            Vector512<float> x = Vector512.Create(*a);
            (c00, c01, c02, c03) = (
                Vector512.FusedMultiplyAdd(x, b0, c00), Vector512.FusedMultiplyAdd(x, b1, c01),
                Vector512.FusedMultiplyAdd(x, b2, c02), Vector512.FusedMultiplyAdd(x, b3, c03));
            x = Vector512.Create(*a1);
            (c10, c11, c12, c13) = (
                Vector512.FusedMultiplyAdd(x, b0, c10), Vector512.FusedMultiplyAdd(x, b1, c11),
                Vector512.FusedMultiplyAdd(x, b2, c12), Vector512.FusedMultiplyAdd(x, b3, c13));
            x = Vector512.Create(*a2);
            (c20, c21, c22, c23) = (
                Vector512.FusedMultiplyAdd(x, b0, c20), Vector512.FusedMultiplyAdd(x, b1, c21),
                Vector512.FusedMultiplyAdd(x, b2, c22), Vector512.FusedMultiplyAdd(x, b3, c23));
            x = Vector512.Create(*a3);
            (c30, c31, c32, c33) = (
                Vector512.FusedMultiplyAdd(x, b0, c30), Vector512.FusedMultiplyAdd(x, b1, c31),
                Vector512.FusedMultiplyAdd(x, b2, c32), Vector512.FusedMultiplyAdd(x, b3, c33));
            x = Vector512.Create(*a4);
            (c40, c41, c42, c43) = (
                Vector512.FusedMultiplyAdd(x, b0, c40), Vector512.FusedMultiplyAdd(x, b1, c41),
                Vector512.FusedMultiplyAdd(x, b2, c42), Vector512.FusedMultiplyAdd(x, b3, c43));
            x = Vector512.Create(*a5);
            (c50, c51, c52, c53) = (
                Vector512.FusedMultiplyAdd(x, b0, c50), Vector512.FusedMultiplyAdd(x, b1, c51),
                Vector512.FusedMultiplyAdd(x, b2, c52), Vector512.FusedMultiplyAdd(x, b3, c53));
            a += step;
            a1 += step;
            a2 += step;
            a3 += step;
            a4 += step;
            a5 += step;
            b += bRow;
        }
        Store(c, c00, c01, c02, c03, adds);
        Store(c + cRow, c10, c11, c12, c13, adds);
        Store(c + (2 * cRow), c20, c21, c22, c23, adds);
        Store(c + (3 * cRow), c30, c31, c32, c33, adds);
        Store(c + (4 * cRow), c40, c41, c42, c43, adds);
        Store(c + (5 * cRow), c50, c51, c52, c53, adds);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void HalfTile(float* a, nint rowStep, nint step, float* b, nint bRow, float* c, nint cRow, int depth, bool adds)
    {
        Vector512<float> c00 = default, c01 = default, c10 = default, c11 = default, c20 = default, c21 = default;
        Vector512<float> c30 = default, c31 = default, c40 = default, c41 = default, c50 = default, c51 = default;
        float* a1 = a + rowStep, a2 = a1 + rowStep, a3 = a2 + rowStep, a4 = a3 + rowStep, a5 = a4 + rowStep;
        for (int k = 0; k < depth; k++)
        {
            Vector512<float> b0 = Vector512.Load(b), b1 = Vector512.Load(b + 16);
            Vector512<float> x = Vector512.Create(*a), y = Vector512.Create(*a1);
            (c00, c01, c10, c11) = (
                Vector512.FusedMultiplyAdd(x, b0, c00), Vector512.FusedMultiplyAdd(x, b1, c01),
                Vector512.FusedMultiplyAdd(y, b0, c10), Vector512.FusedMultiplyAdd(y, b1, c11));
            (x, y) = (Vector512.Create(*a2), Vector512.Create(*a3));
            (c20, c21, c30, c31) = (
                Vector512.FusedMultiplyAdd(x, b0, c20), Vector512.FusedMultiplyAdd(x, b1, c21),
                Vector512.FusedMultiplyAdd(y, b0, c30), Vector512.FusedMultiplyAdd(y, b1, c31));
            (x, y) = (Vector512.Create(*a4), Vector512.Create(*a5));
            (c40, c41, c50, c51) = (
                Vector512.FusedMultiplyAdd(x, b0, c40), Vector512.FusedMultiplyAdd(x, b1, c41),
                Vector512.FusedMultiplyAdd(y, b0, c50), Vector512.FusedMultiplyAdd(y, b1, c51));
            a += step;
            a1 += step;
            a2 += step;
            a3 += step;
            a4 += step;
            a5 += step;
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
    private static void Store(float* c, Vector512<float> x0, Vector512<float> x1, Vector512<float> x2, Vector512<float> x3, bool adds)
    {
        Store(c, x0, x1, adds);
        Store(c + 32, x2, x3, adds);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(float* c, Vector512<float> x0, Vector512<float> x1, bool adds)
    {
        (adds ? x0 + Vector512.Load(c) : x0).Store(c);
        (adds ? x1 + Vector512.Load(c + 16) : x1).Store(c + 16);
    }

    /// <summary>
    /// e^x to 2 units in the last place: 2^n e^r with |r| at most ln 2 / 2 (Cephes' expf); 0 below <see cref="MinExponent"/>, for minus
    /// infinity too; NaN stays NaN.
    /// </summary>
    /// <param name="x">at most 88</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Exp(Vector512<float> x)
    {
        Vector512<float> n = Vector512.Round(x * Vector512.Create(1.44269504f));
        Vector512<float> r = Vector512.FusedMultiplyAdd(n, Vector512.Create(-0.693359375f), x);
        r = Vector512.FusedMultiplyAdd(n, Vector512.Create(2.12194440e-4f), r);
        Vector512<float> p = Vector512.Create(1.9875691500e-4f);
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(1.3981999507e-3f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(8.3334519073e-3f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(4.1665795894e-2f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(1.6666665459e-1f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(0.5f));
        p = Vector512.FusedMultiplyAdd(p, r * r, r) + Vector512<float>.One;
        Vector512<int> exponent = Vector512.ConvertToInt32Native(n) + Vector512.Create(127);
        return Vector512.ConditionalSelect(
            Vector512.LessThan(x, Vector512.Create(MinExponent)), default, p * Vector512.ShiftLeft(exponent, 23).AsSingle());
    }

    /// <summary>to = factor from; columns from there to <paramref name="filled"/> are zeroed.</summary>
    /// <param name="from">[rows, columns], row stride <paramref name="fromRow"/></param>
    /// <param name="to">[rows, filled], row stride <paramref name="toRow"/></param>
    public static void ScaledCopy(float* from, nint fromRow, float* to, nint toRow, int rows, int columns, int filled, float factor)
    {
        Vector512<float> factors = Vector512.Create(factor);
        for (int row = 0; row < rows; row++, from += fromRow, to += toRow)
        {
            int column = 0;
            for (; column <= columns - VectorWidth; column += VectorWidth)
            {
                (Vector512.Load(from + column) * factors).Store(to + column);
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
    /// Transposes panels of 64 source rows: to[panel, column, lane] = factor from[64 panel + lane, column]; 0 if the source has no such
    /// row.
    /// </summary>
    /// <param name="from">[rows, columns], row stride <paramref name="fromRow"/></param>
    public static void PackTransposed(float* from, nint fromRow, float* to, int rows, int columns, float factor)
    {
        Vector128<float> factors = Vector128.Create(factor);
        for (int start = 0; start < rows; start += TileColumns, to += TileColumns * columns)
        {
            int lanes = Math.Min(TileColumns, rows - start);
            if (lanes < TileColumns)
            {
                new Span<float>(to, TileColumns * columns).Clear();
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
                    Vector128<float> low01 = Sse.UnpackLow(r0, r1), low23 = Sse.UnpackLow(r2, r3);
                    Vector128<float> high01 = Sse.UnpackHigh(r0, r1), high23 = Sse.UnpackHigh(r2, r3);
                    float* target = to + (column * TileColumns) + lane;
                    (Sse.MoveLowToHigh(low01, low23) * factors).Store(target);
                    (Sse.MoveHighToLow(low23, low01) * factors).Store(target + TileColumns);
                    (Sse.MoveLowToHigh(high01, high23) * factors).Store(target + (2 * TileColumns));
                    (Sse.MoveHighToLow(high23, high01) * factors).Store(target + (3 * TileColumns));
                }
                for (; column < columns; column++)
                {
                    for (int i = 0; i < 4; i++)
                    {
                        to[(column * TileColumns) + lane + i] = row[(i * fromRow) + column] * factor;
                    }
                }
            }
            for (; lane < lanes; lane++)
            {
                for (int column = 0; column < columns; column++)
                {
                    to[(column * TileColumns) + lane] = from[((start + lane) * fromRow) + column] * factor;
                }
            }
        }
    }

    /// <summary>Dot product.</summary>
    public static float Dot(float* a, float* b, int size)
    {
        Vector512<float> sum = default, other = default; // two accumulators: an addition waits for the one before it
        int i = 0;
        for (; i <= size - (2 * VectorWidth); i += 2 * VectorWidth)
        {
            sum = Vector512.FusedMultiplyAdd(Vector512.Load(a + i), Vector512.Load(b + i), sum);
            other = Vector512.FusedMultiplyAdd(Vector512.Load(a + i + VectorWidth), Vector512.Load(b + i + VectorWidth), other);
        }
        float result = Vector512.Sum(sum + other);
        for (; i < size; i++)
        {
            result += a[i] * b[i];
        }
        return result;
    }
}
