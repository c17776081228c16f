using System.Runtime.CompilerServices;

namespace Skipwise.Kernels.Decoding;

/// <summary>Reads <see cref="WeightFormat.Int8"/>.</summary>
internal readonly unsafe struct Int8Format : IWeightFormat
{
    public static int Bits => 8;

    public static bool IsScaled => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Load<TLanes, T>(byte* data, long element) where TLanes : ILanes<T> where T : struct =>
        TLanes.LoadInt8((sbyte*)data + element);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Add<TLanes, T>(T a, T x, float* scales, long element, T sum) where TLanes : ILanes<T> where T : struct =>
        TLanes.MultiplyAdd(TLanes.Multiply(a, x), TLanes.Fill(scales[(ulong)element / IWeightFormat.BlockSize]), sum);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T AddFour<TLanes, T>(T a, T b, T c, T d, float* x, float* scales, long element, T sum)
        where TLanes : ILanes<T> where T : struct => TLanes.MultiplyAdd(
            IWeightFormat.Dot<TLanes, T>(a, b, c, d, x), TLanes.Fill(scales[(ulong)element / IWeightFormat.BlockSize]), sum);

    public static float At(byte* data, float* scales, long element) =>
        ((sbyte*)data)[element] * scales[element / IWeightFormat.BlockSize];
}
