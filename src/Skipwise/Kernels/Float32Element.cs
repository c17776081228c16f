using System.Runtime.CompilerServices;
using static TorchSharp.torch;

namespace Skipwise.Kernels;

/// <summary>float32.</summary>
internal readonly unsafe struct Float32Element : IElement
{
    public static ScalarType Dtype => ScalarType.Float32;

    public static int Size => sizeof(float);

    public static float At(byte* data, long index) => ((float*)data)[index];

    public static float Round(float value) => value;

    public static T Round<TLanes, T>(T vector) where TLanes : ILanes<T> where T : struct => vector;

    public static void Set(byte* data, long index, float value) => ((float*)data)[index] = value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Load<TLanes, T>(byte* data, long index) where TLanes : ILanes<T> where T : struct => TLanes.Load((float*)data + index);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store<TLanes, T>(T vector, byte* data, long index) where TLanes : ILanes<T> where T : struct =>
        TLanes.Store(vector, (float*)data + index);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (T Even, T Odd) LoadPairs<TLanes, T>(byte* data, long index) where TLanes : ILanes<T> where T : struct =>
        TLanes.LoadPairs((float*)data + index);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StorePairs<TLanes, T>(T even, T odd, byte* data, long index) where TLanes : ILanes<T> where T : struct =>
        TLanes.StorePairs(even, odd, (float*)data + index);
}
