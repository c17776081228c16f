using System.Runtime.CompilerServices;

namespace Skipwise.Kernels.Decoding;

/// <summary>Reads <see cref="WeightFormat.BFloat16"/>.</summary>
internal readonly unsafe struct BFloat16Format : IWeightFormat
{
    public static int Bits => 16;

    public static bool IsScaled => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Load<TLanes, T>(byte* data, long element) where TLanes : ILanes<T> where T : struct =>
        BFloat16Element.Load<TLanes, T>(data, element);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Add<TLanes, T>(T a, T x, float* scales, long element, T sum) where TLanes : ILanes<T> where T : struct =>
        TLanes.MultiplyAdd(a, x, sum);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T AddFour<TLanes, T>(T a, T b, T c, T d, float* x, float* scales, long element, T sum)
        where TLanes : ILanes<T> where T : struct => IWeightFormat.AddDot<TLanes, T>(a, b, c, d, x, sum);

    public static float At(byte* data, float* scales, long element) => BFloat16Element.At(data, element);
}
