using System.Runtime.CompilerServices;
using Skipwise.Numerics;
using static TorchSharp.torch;

namespace Skipwise.Kernels;

/// <summary>bfloat16: the upper half of a float32.</summary>
internal readonly unsafe struct BFloat16Element : IElement
{
    public static ScalarType Dtype => ScalarType.BFloat16;

    public static int Size => sizeof(ushort);

    public static float At(byte* data, long index) => BitConverter.Int32BitsToSingle(((ushort*)data)[index] << 16);

    public static float Round(float value) => BitConverter.Int32BitsToSingle(HalfFloats.NarrowBFloat16(value) << 16);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Round<TLanes, T>(T vector) where TLanes : ILanes<T> where T : struct => TLanes.RoundToBFloat16(vector);

    public static void Set(byte* data, long index, float value) => ((ushort*)data)[index] = HalfFloats.NarrowBFloat16(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Load<TLanes, T>(byte* data, long index) where TLanes : ILanes<T> where T : struct =>
        TLanes.LoadBFloat16((ushort*)data + index);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store<TLanes, T>(T vector, byte* data, long index) where TLanes : ILanes<T> where T : struct =>
        TLanes.StoreBFloat16(vector, (ushort*)data + index);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (T Even, T Odd) LoadPairs<TLanes, T>(byte* data, long index) where TLanes : ILanes<T> where T : struct =>
        TLanes.LoadBFloat16Pairs((ushort*)data + index);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StorePairs<TLanes, T>(T even, T odd, byte* data, long index) where TLanes : ILanes<T> where T : struct =>
        TLanes.StoreBFloat16Pairs(even, odd, (ushort*)data + index);
}
