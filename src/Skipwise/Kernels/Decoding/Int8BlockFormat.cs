using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Skipwise.Kernels.Decoding;

/// <summary>Reads <see cref="WeightFormat.Int8Blocks"/>, and writes it. A row is a whole number of blocks.</summary>
internal readonly unsafe struct Int8BlockFormat : IWeightFormat
{
    /// <summary>numbers that share a scale</summary>
    public const int BlockSize = 32;
    /// <summary>bytes of a block: the scale, then the numbers</summary>
    public const int BlockBytes = sizeof(ushort) + BlockSize;
    /// <summary>the largest magnitude of a number</summary>
    public const int Largest = 127;

    /// <summary>bits of the scale, as float16, of a block with a number that has none here: NaN, infinite, or beyond 127 times
    /// float16's range</summary>
    public const int NoScale = 0x7C00;

    private const float Float16Scale = 5.192296858534828e33f; // 2^112: see Lanes512.LoadFloat16

    /// <summary>without the scales: what is fetched in advance need not be exact</summary>
    public static int Bits => 8;

    /// <summary>The scales lie between the numbers, and <see cref="Load"/> applies them.</summary>
    public static bool IsScaled => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Load<TLanes, T>(byte* data, long element) where TLanes : ILanes<T> where T : struct
    {
        byte* block = data + ((ulong)element / BlockSize * BlockBytes);
        return TLanes.Multiply(
            TLanes.LoadInt8((sbyte*)block + sizeof(ushort) + ((ulong)element % BlockSize)), TLanes.Fill(Scale(block)));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Add<TLanes, T>(T a, T x, float* scales, long element, T sum) where TLanes : ILanes<T> where T : struct =>
        TLanes.MultiplyAdd(a, x, sum);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T AddFour<TLanes, T>(T a, T b, T c, T d, float* x, float* scales, long element, T sum)
        where TLanes : ILanes<T> where T : struct => IWeightFormat.AddDot<TLanes, T>(a, b, c, d, x, sum);

    public static float At(byte* data, float* scales, long element)
    {
        byte* block = data + (element / BlockSize * BlockBytes);
        return ((sbyte*)block)[sizeof(ushort) + (element % BlockSize)] * Scale(block);
    }

    /// <summary>Quantizes numbers, each to the nearest multiple of its block's scale. A block with a number that has no scale is read as
    /// NaN, so that the scores that follow from it are refused.</summary>
    /// <param name="count">a multiple of <see cref="BlockSize"/></param>
    public static void Store(float* from, byte* to, long count)
    {
        for (long i = 0; i < count; i += BlockSize, to += BlockBytes)
        {
            StoreBlock(from + i, to);
        }
    }

    private static void StoreBlock(float* from, byte* to)
    {
        Vector256<float> a = Vector256.Load(from), b = Vector256.Load(from + 8);
        Vector256<float> c = Vector256.Load(from + 16), d = Vector256.Load(from + 24);
        Vector256<float> most = Vector256.Max(
            Vector256.Max(Vector256.Abs(a), Vector256.Abs(b)), Vector256.Max(Vector256.Abs(c), Vector256.Abs(d)));
        float largest = most[0];
        for (int i = 1; i < Vector256<float>.Count; i++)
        {
            largest = MathF.Max(largest, most[i]);
        }
        var scale = (Half)(largest / Largest);
        *(ushort*)to = Half.IsFinite(scale) ? BitConverter.HalfToUInt16Bits(scale) : (ushort)NoScale;
        Vector256<float> by = Vector256.Create(Scale(to));
        Vector256.Narrow(Vector256.Narrow(Round(a, by), Round(b, by)), Vector256.Narrow(Round(c, by), Round(d, by)))
            .Store((sbyte*)to + sizeof(ushort));
    }

    /// <summary>The scale was rounded: the block's largest number could be one step too large. A scale of 0, or none, makes all numbers
    /// 0.</summary>
    private static Vector256<int> Round(Vector256<float> x, Vector256<float> scale) => Vector256.ConvertToInt32(Vector256.Max(
        Vector256.Create(-(float)Largest), Vector256.Min(Vector256.Create((float)Largest), Vector256.Round(x / scale))));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Scale(byte* block)
    {
        uint bits = *(ushort*)block;
        return bits == NoScale ? float.NaN : BitConverter.UInt32BitsToSingle(bits << 13) * Float16Scale;
    }
}
