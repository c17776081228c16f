using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Skipwise.Kernels;

/// <summary>Vectors of 8 numbers: AVX2 with FMA.</summary>
internal readonly unsafe struct Lanes256 : ILanes<Vector256<float>>
{
    public static bool IsSupported => Avx2.IsSupported && Fma.IsSupported;

    private const float Float16Scale = 5.192296858534828e33f; // 2^112

    public static int Count => Vector256<float>.Count;

    public static int Registers => 16;

    public static Vector256<float> Fill(float value) => Vector256.Create(value);

    public static Vector256<float> Load(float* from) => Vector256.Load(from);

    public static void Store(Vector256<float> vector, float* to) => vector.Store(to);

    public static Vector256<float> Add(Vector256<float> a, Vector256<float> b) => a + b;

    public static Vector256<float> Subtract(Vector256<float> a, Vector256<float> b) => a - b;

    public static Vector256<float> Multiply(Vector256<float> a, Vector256<float> b) => a * b;

    public static Vector256<float> Divide(Vector256<float> a, Vector256<float> b) => a / b;

    public static Vector256<float> MultiplyAdd(Vector256<float> a, Vector256<float> b, Vector256<float> c) => Fma.MultiplyAdd(a, b, c);

    public static Vector256<float> Min(Vector256<float> a, Vector256<float> b) => Avx.Min(a, b);

    public static Vector256<float> Max(Vector256<float> a, Vector256<float> b) => Avx.Max(a, b);

    public static Vector256<float> Negate(Vector256<float> a) => -a;

    public static Vector256<float> Abs(Vector256<float> a) => Vector256.Abs(a);

    public static Vector256<float> Round(Vector256<float> a) => Vector256.Round(a);

    public static Vector256<float> PowerOfTwo(Vector256<float> n) =>
        ((Vector256.ConvertToInt32Native(n) + Vector256.Create(127)) << 23).AsSingle();

    public static Vector256<float> ZeroBelow(float bound, Vector256<float> x, Vector256<float> value) =>
        Vector256.AndNot(value, Vector256.LessThan(x, Vector256.Create(bound)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Within(int first, int end, Vector256<float> inside, Vector256<float> outside)
    {
        Vector256<int> lane = Vector256<int>.Indices;
        Vector256<int> isInside = Vector256.GreaterThanOrEqual(lane, Vector256.Create(first));
        isInside &= Vector256.LessThan(lane, Vector256.Create(end));
        return Vector256.ConditionalSelect(isInside.AsSingle(), inside, outside);
    }

    public static bool EqualsAll(Vector256<float> a, Vector256<float> b) => Vector256.EqualsAll(a, b);

    public static float Sum(Vector256<float> a) => Vector256.Sum(a);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Sums(Vector256<float> a, Vector256<float> b, Vector256<float> c, Vector256<float> d)
    {
        Vector256<float> ab = Avx.UnpackLow(a, b) + Avx.UnpackHigh(a, b), cd = Avx.UnpackLow(c, d) + Avx.UnpackHigh(c, d);
        Vector256<float> abcd = Avx.Shuffle(ab, cd, 0x44) + Avx.Shuffle(ab, cd, 0xEE);
        return abcd.GetLower() + abcd.GetUpper();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector256<float> Even, Vector256<float> Odd) LoadPairs(float* from)
    {
        Vector256<float> low = Vector256.Load(from), high = Vector256.Load(from + 8); // 0..7, 8..15
        Vector256<float> first = Avx.Permute2x128(low, high, 0x20), second = Avx.Permute2x128(low, high, 0x31); // 0..3 8..11, 4..7 12..15
        return (Avx.Shuffle(first, second, 0x88), Avx.Shuffle(first, second, 0xDD));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StorePairs(Vector256<float> even, Vector256<float> odd, float* to)
    {
        Vector256<float> low = Avx.UnpackLow(even, odd), high = Avx.UnpackHigh(even, odd);
        Avx.Permute2x128(low, high, 0x20).Store(to);
        Avx.Permute2x128(low, high, 0x31).Store(to + 8);
    }

    public static Vector256<float> LoadBFloat16(ushort* from) => (Avx2.ConvertToVector256Int32(Vector128.Load(from)) << 16).AsSingle();

    public static Vector256<float> RoundToBFloat16(Vector256<float> a) => (Rounded(a) & Vector256.Create(0xFFFF_0000)).AsSingle();

    public static void StoreBFloat16(Vector256<float> vector, ushort* to)
    {
        Vector256<uint> upper = Rounded(vector) >>> 16;
        Vector128.Narrow(upper.GetLower(), upper.GetUpper()).Store(to);
    }

    public static (Vector256<float> Even, Vector256<float> Odd) LoadBFloat16Pairs(ushort* from)
    {
        Vector256<uint> pairs = Vector256.Load((uint*)from);
        return ((pairs << 16).AsSingle(), (pairs & Vector256.Create(0xFFFF_0000)).AsSingle());
    }

    public static void StoreBFloat16Pairs(Vector256<float> even, Vector256<float> odd, ushort* to) =>
        ((Rounded(even) >>> 16) | (Rounded(odd) & Vector256.Create(0xFFFF_0000))).Store((uint*)to);

    public static Vector256<float> LoadFloat16(ushort* from)
    {
        Vector256<int> bits = Avx2.ConvertToVector256Int32(Vector128.Load((short*)from)) << 13;
        return (bits & Vector256.Create(unchecked((int)0x8FFF_FFFF))).AsSingle() * Vector256.Create(Float16Scale);
    }

    public static Vector256<float> LoadInt8(sbyte* from) =>
        Vector256.ConvertToSingle(Avx2.ConvertToVector256Int32(Vector128.CreateScalarUnsafe(*(long*)from).AsSByte()));

    /// <summary>The permutation reads three bits of an index; the fourth, moved to the sign, chooses between the table's halves.</summary>
    public static Vector256<float> LoadInt4(byte* from, float* table)
    {
        Vector256<long> pairs = Avx2.ConvertToVector256Int64(Vector128.CreateScalarUnsafe(*(uint*)from).AsByte());
        Vector256<int> index = (pairs | (pairs << 28)).AsInt32();
        Vector256<float> low = Avx2.PermuteVar8x32(Vector256.Load(table), index), high =
            Avx2.PermuteVar8x32(Vector256.Load(table + 8), index);
        return Avx.BlendVariable(low, high, (index << 28).AsSingle());
    }

    /// <summary>Numbers whose upper half is the nearest bfloat16.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<uint> Rounded(Vector256<float> number)
    {
        Vector256<uint> bits = number.AsUInt32(), rounded = bits + Vector256.Create(0x7FFFu) + ((bits >>> 16) & Vector256<uint>.One);
        return Vector256.ConditionalSelect(Vector256.Equals(number, number).AsUInt32(), rounded, bits | Vector256.Create(0x40_0000u));
    }
}
