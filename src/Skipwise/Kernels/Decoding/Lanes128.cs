using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Skipwise.Numerics;

namespace Skipwise.Kernels.Decoding;

/// <summary>Vectors of 4 numbers: every processor.</summary>
internal readonly unsafe struct Lanes128 : ILanes<Vector128<float>>
{
    public static int Count => Vector128<float>.Count;

    public static Vector128<float> Fill(float value) => Vector128.Create(value);

    public static Vector128<float> Load(float* from) => Vector128.Load(from);

    public static void Store(Vector128<float> vector, float* to) => vector.Store(to);

    public static Vector128<float> Add(Vector128<float> a, Vector128<float> b) => a + b;

    public static Vector128<float> Subtract(Vector128<float> a, Vector128<float> b) => a - b;

    public static Vector128<float> Multiply(Vector128<float> a, Vector128<float> b) => a * b;

    public static Vector128<float> Divide(Vector128<float> a, Vector128<float> b) => a / b;

    /// <summary>Rounds once or twice: what is fast on this processor.</summary>
    public static Vector128<float> MultiplyAdd(Vector128<float> a, Vector128<float> b, Vector128<float> c) =>
        Vector128.MultiplyAddEstimate(a, b, c);

    public static Vector128<float> Min(Vector128<float> a, Vector128<float> b) =>
        Vector128.ConditionalSelect(Vector128.LessThan(a, b), a, b);

    public static Vector128<float> Max(Vector128<float> a, Vector128<float> b) =>
        Vector128.ConditionalSelect(Vector128.GreaterThan(a, b), a, b);

    public static Vector128<float> Abs(Vector128<float> a) => Vector128.Abs(a);

    public static Vector128<float> Round(Vector128<float> a) => Vector128.Round(a);

    public static Vector128<float> PowerOfTwo(Vector128<float> n) =>
        ((Vector128.ConvertToInt32Native(n) + Vector128.Create(127)) << 23).AsSingle();

    public static Vector128<float> ZeroBelow(float bound, Vector128<float> x, Vector128<float> value) =>
        Vector128.AndNot(value, Vector128.LessThan(x, Vector128.Create(bound)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Sums(Vector128<float> a, Vector128<float> b, Vector128<float> c, Vector128<float> d) =>
        Vector128.Create(Vector128.Sum(a), Vector128.Sum(b), Vector128.Sum(c), Vector128.Sum(d));

    public static (Vector128<float> Even, Vector128<float> Odd) LoadPairs(float* from) =>
        (Vector128.Create(from[0], from[2], from[4], from[6]), Vector128.Create(from[1], from[3], from[5], from[7]));

    public static void StorePairs(Vector128<float> even, Vector128<float> odd, float* to)
    {
        for (int i = 0; i < Count; i++)
        {
            (to[2 * i], to[(2 * i) + 1]) = (even[i], odd[i]);
        }
    }

    public static Vector128<float> LoadBFloat16(ushort* from) => (Vector128.WidenLower(FourShorts(from)) << 16).AsSingle();

    public static Vector128<float> LoadFloat16(ushort* from)
    {
        Vector128<float> wide = default;
        HalfFloats.WidenFloat16(new(from, Count), MemoryMarshal.CreateSpan(ref Unsafe.As<Vector128<float>, float>(ref wide), Count));
        return wide;
    }

    public static Vector128<float> LoadInt8(sbyte* from) => Vector128.Create((float)from[0], from[1], from[2], from[3]);

    public static Vector128<float> LoadInt4(byte* from, float* table) =>
        Vector128.Create(table[from[0] & 15], table[from[0] >> 4], table[from[1] & 15], table[from[1] >> 4]);

    private static Vector128<ushort> FourShorts(ushort* from) => Vector128.CreateScalarUnsafe(*(ulong*)from).AsUInt16();
}
