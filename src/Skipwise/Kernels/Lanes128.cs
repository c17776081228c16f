using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;
using Skipwise.Numerics;

namespace Skipwise.Kernels;

/// <summary>Vectors of 4 numbers: every processor, Arm's among them.</summary>
internal readonly unsafe struct Lanes128 : ILanes<Vector128<float>>
{
    public static bool IsSupported => Vector128.IsHardwareAccelerated;

    public static int Count => Vector128<float>.Count;

    public static int Registers => AdvSimd.IsSupported ? 32 : 16;

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
        Sse.IsSupported ? Sse.Min(a, b) : Vector128.ConditionalSelect(Vector128.LessThan(a, b), a, b);

    public static Vector128<float> Max(Vector128<float> a, Vector128<float> b) =>
        Sse.IsSupported ? Sse.Max(a, b) : Vector128.ConditionalSelect(Vector128.GreaterThan(a, b), a, b);

    public static Vector128<float> Negate(Vector128<float> a) => -a;

    public static Vector128<float> Abs(Vector128<float> a) => Vector128.Abs(a);

    public static Vector128<float> Round(Vector128<float> a) => Vector128.Round(a);

    public static Vector128<float> PowerOfTwo(Vector128<float> n) =>
        ((Vector128.ConvertToInt32Native(n) + Vector128.Create(127)) << 23).AsSingle();

    public static Vector128<float> ZeroBelow(float bound, Vector128<float> x, Vector128<float> value) =>
        Vector128.AndNot(value, Vector128.LessThan(x, Vector128.Create(bound)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Within(int first, int end, Vector128<float> inside, Vector128<float> outside)
    {
        Vector128<int> lane = Vector128<int>.Indices;
        Vector128<int> isInside = Vector128.GreaterThanOrEqual(lane, Vector128.Create(first));
        isInside &= Vector128.LessThan(lane, Vector128.Create(end));
        return Vector128.ConditionalSelect(isInside.AsSingle(), inside, outside);
    }

    public static bool EqualsAll(Vector128<float> a, Vector128<float> b) => Vector128.EqualsAll(a, b);

    public static float Sum(Vector128<float> a) => Vector128.Sum(a);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Sums(Vector128<float> a, Vector128<float> b, Vector128<float> c, Vector128<float> d) =>
        Vector128.Create(Vector128.Sum(a), Vector128.Sum(b), Vector128.Sum(c), Vector128.Sum(d));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector128<float> Even, Vector128<float> Odd) LoadPairs(float* from)
    {
        Vector128<float> low = Vector128.Load(from), high = Vector128.Load(from + Count);
        return AdvSimd.Arm64.IsSupported ? (AdvSimd.Arm64.UnzipEven(low, high), AdvSimd.Arm64.UnzipOdd(low, high))
            : Sse.IsSupported ? (Sse.Shuffle(low, high, 0x88), Sse.Shuffle(low, high, 0xDD))
            : (Vector128.Create(low[0], low[2], high[0], high[2]), Vector128.Create(low[1], low[3], high[1], high[3]));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StorePairs(Vector128<float> even, Vector128<float> odd, float* to)
    {
        ZipLow(even, odd).Store(to);
        ZipHigh(even, odd).Store(to + Count);
    }

    /// <summary>The columns of a matrix of these rows.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector128<float>, Vector128<float>, Vector128<float>, Vector128<float>) Transpose(
        Vector128<float> a, Vector128<float> b, Vector128<float> c, Vector128<float> d)
    {
        Vector128<float> lowAB = ZipLow(a, b), lowCD = ZipLow(c, d), highAB = ZipHigh(a, b), highCD = ZipHigh(c, d);
        return (Vector128.Create(lowAB.GetLower(), lowCD.GetLower()), Vector128.Create(lowAB.GetUpper(), lowCD.GetUpper()),
            Vector128.Create(highAB.GetLower(), highCD.GetLower()), Vector128.Create(highAB.GetUpper(), highCD.GetUpper()));
    }

    /// <summary>The lower halves, alternately.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> ZipLow(Vector128<float> a, Vector128<float> b) =>
        AdvSimd.Arm64.IsSupported ? AdvSimd.Arm64.ZipLow(a, b)
        : Sse.IsSupported ? Sse.UnpackLow(a, b) : Vector128.Create(a[0], b[0], a[1], b[1]);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> ZipHigh(Vector128<float> a, Vector128<float> b) =>
        AdvSimd.Arm64.IsSupported ? AdvSimd.Arm64.ZipHigh(a, b)
        : Sse.IsSupported ? Sse.UnpackHigh(a, b) : Vector128.Create(a[2], b[2], a[3], b[3]);

    public static Vector128<float> LoadBFloat16(ushort* from) => (Vector128.WidenLower(FourShorts(from)) << 16).AsSingle();

    public static Vector128<float> RoundToBFloat16(Vector128<float> a) => (Rounded(a) & Vector128.Create(0xFFFF_0000)).AsSingle();

    public static void StoreBFloat16(Vector128<float> vector, ushort* to) =>
        *(ulong*)to = Vector128.Narrow(Rounded(vector) >>> 16, default).AsUInt64()[0];

    public static (Vector128<float> Even, Vector128<float> Odd) LoadBFloat16Pairs(ushort* from)
    {
        Vector128<uint> pairs = Vector128.Load((uint*)from);
        return ((pairs << 16).AsSingle(), (pairs & Vector128.Create(0xFFFF_0000)).AsSingle());
    }

    public static void StoreBFloat16Pairs(Vector128<float> even, Vector128<float> odd, ushort* to) =>
        ((Rounded(even) >>> 16) | (Rounded(odd) & Vector128.Create(0xFFFF_0000))).Store((uint*)to);

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

    /// <summary>Numbers whose upper half is the nearest bfloat16.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<uint> Rounded(Vector128<float> number)
    {
        Vector128<uint> bits = number.AsUInt32(), rounded = bits + Vector128.Create(0x7FFFu) + ((bits >>> 16) & Vector128<uint>.One);
        return Vector128.ConditionalSelect(Vector128.Equals(number, number).AsUInt32(), rounded, bits | Vector128.Create(0x40_0000u));
    }
}
