using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Skipwise.Kernels;

/// <summary>Vectors of 16 numbers: AVX-512.</summary>
internal readonly unsafe struct Lanes512 : ILanes<Vector512<float>>
{
    public static bool IsSupported => Vector512.IsHardwareAccelerated && Avx512F.IsSupported && Avx512BW.IsSupported;

    private const float Float16Scale = 5.192296858534828e33f; // 2^112

    public static int Count => Vector512<float>.Count;

    public static int Registers => 32;

    public static Vector512<float> Fill(float value) => Vector512.Create(value);

    public static Vector512<float> Load(float* from) => Vector512.Load(from);

    public static void Store(Vector512<float> vector, float* to) => vector.Store(to);

    public static Vector512<float> Add(Vector512<float> a, Vector512<float> b) => a + b;

    public static Vector512<float> Subtract(Vector512<float> a, Vector512<float> b) => a - b;

    public static Vector512<float> Multiply(Vector512<float> a, Vector512<float> b) => a * b;

    public static Vector512<float> Divide(Vector512<float> a, Vector512<float> b) => a / b;

    public static Vector512<float> MultiplyAdd(Vector512<float> a, Vector512<float> b, Vector512<float> c) =>
        Vector512.FusedMultiplyAdd(a, b, c);

    public static Vector512<float> Min(Vector512<float> a, Vector512<float> b) => Avx512F.Min(a, b);

    public static Vector512<float> Max(Vector512<float> a, Vector512<float> b) => Avx512F.Max(a, b);

    public static Vector512<float> Negate(Vector512<float> a) => -a;

    public static Vector512<float> Abs(Vector512<float> a) => Vector512.Abs(a);

    public static Vector512<float> Round(Vector512<float> a) => Vector512.Round(a);

    public static Vector512<float> PowerOfTwo(Vector512<float> n) =>
        ((Vector512.ConvertToInt32Native(n) + Vector512.Create(127)) << 23).AsSingle();

    public static Vector512<float> ZeroBelow(float bound, Vector512<float> x, Vector512<float> value) =>
        Vector512.ConditionalSelect(Vector512.LessThan(x, Vector512.Create(bound)), default, value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Within(int first, int end, Vector512<float> inside, Vector512<float> outside)
    {
        Vector512<int> lane = Vector512<int>.Indices;
        Vector512<int> isInside = Vector512.GreaterThanOrEqual(lane, Vector512.Create(first));
        isInside &= Vector512.LessThan(lane, Vector512.Create(end));
        return Vector512.ConditionalSelect(isInside.AsSingle(), inside, outside);
    }

    public static bool EqualsAll(Vector512<float> a, Vector512<float> b) => Vector512.EqualsAll(a, b);

    public static float Sum(Vector512<float> a) => Vector512.Sum(a);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Sums(Vector512<float> a, Vector512<float> b, Vector512<float> c, Vector512<float> d)
    {
        Vector512<float> ab = Avx512F.UnpackLow(a, b) + Avx512F.UnpackHigh(a, b), cd = Avx512F.UnpackLow(c, d) + Avx512F.UnpackHigh(c, d);
        Vector512<float> abcd = Avx512F.Shuffle(ab, cd, 0x44) + Avx512F.Shuffle(ab, cd, 0xEE);
        Vector256<float> halves = abcd.GetLower() + abcd.GetUpper();
        return halves.GetLower() + halves.GetUpper();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector512<float> Even, Vector512<float> Odd) LoadPairs(float* from)
    {
        Vector512<float> low = Vector512.Load(from), high = Vector512.Load(from + 16);
        Vector512<int> even = Vector512.Create(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
        return (Avx512F.PermuteVar16x32x2(low, even, high), Avx512F.PermuteVar16x32x2(low, even + Vector512<int>.One, high));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StorePairs(Vector512<float> even, Vector512<float> odd, float* to)
    {
        Vector512<int> alternately = Vector512.Create(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
        Avx512F.PermuteVar16x32x2(even, alternately, odd).Store(to);
        Avx512F.PermuteVar16x32x2(even, alternately + Vector512.Create(8), odd).Store(to + 16);
    }

    public static Vector512<float> LoadBFloat16(ushort* from) =>
        (Avx512F.ConvertToVector512Int32(Vector256.Load(from)) << 16).AsSingle();

    public static Vector512<float> RoundToBFloat16(Vector512<float> a) => (Rounded(a) & Vector512.Create(0xFFFF_0000)).AsSingle();

    public static void StoreBFloat16(Vector512<float> vector, ushort* to) =>
        Avx512F.ConvertToVector256UInt16(Rounded(vector) >>> 16).Store(to);

    public static (Vector512<float> Even, Vector512<float> Odd) LoadBFloat16Pairs(ushort* from)
    {
        Vector512<uint> pairs = Vector512.Load((uint*)from);
        return ((pairs << 16).AsSingle(), (pairs & Vector512.Create(0xFFFF_0000)).AsSingle());
    }

    public static void StoreBFloat16Pairs(Vector512<float> even, Vector512<float> odd, ushort* to) =>
        ((Rounded(even) >>> 16) | (Rounded(odd) & Vector512.Create(0xFFFF_0000))).Store((uint*)to);

    /// <summary>The exponent has five bits instead of eight: the shifted number is 2^112 too small, which one exact product corrects, also
    /// for subnormal numbers.</summary>
    public static Vector512<float> LoadFloat16(ushort* from)
    {
        Vector512<int> bits = Avx512F.ConvertToVector512Int32(Vector256.Load((short*)from)) << 13;
        return (bits & Vector512.Create(unchecked((int)0x8FFF_FFFF))).AsSingle() * Vector512.Create(Float16Scale);
    }

    public static Vector512<float> LoadInt8(sbyte* from) =>
        Vector512.ConvertToSingle(Avx512F.ConvertToVector512Int32(Vector128.Load(from)));

    /// <summary>A byte in eight becomes two indices: as it is, of which the permutation reads the lower four bits, and shifted.</summary>
    public static Vector512<float> LoadInt4(byte* from, float* table)
    {
        Vector512<ulong> pairs = Avx512F.ConvertToVector512UInt64(Vector128.CreateScalarUnsafe(*(ulong*)from).AsByte());
        return Avx512F.PermuteVar16x32(Vector512.Load(table), (pairs | (pairs << 28)).AsInt32());
    }

    /// <summary>Numbers whose upper half is the nearest bfloat16.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<uint> Rounded(Vector512<float> number)
    {
        Vector512<uint> bits = number.AsUInt32(), rounded = bits + Vector512.Create(0x7FFFu) + ((bits >>> 16) & Vector512<uint>.One);
        return Vector512.ConditionalSelect(Vector512.Equals(number, number).AsUInt32(), rounded, bits | Vector512.Create(0x40_0000u));
    }
}
