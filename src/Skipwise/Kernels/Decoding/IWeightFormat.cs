using System.Runtime.CompilerServices;

namespace Skipwise.Kernels.Decoding;

/// <summary>Reads the numbers of a <see cref="WeightFormat"/> as float32.</summary>
internal unsafe interface IWeightFormat
{
    /// <summary>numbers that share a scale, where the format has scales</summary>
    const int BlockSize = 64;

    /// <summary>bits of a number</summary>
    static abstract int Bits { get; }

    /// <summary>Whether numbers have scales.</summary>
    static abstract bool IsScaled { get; }

    /// <summary>A vector of numbers from <paramref name="element"/> on, not yet scaled.</summary>
    /// <param name="data">the first of all numbers</param>
    static abstract T Load<TLanes, T>(byte* data, long element) where TLanes : ILanes<T> where T : struct;

    /// <summary>sum + scale a x for a vector of numbers from <paramref name="element"/> on, all of one block.</summary>
    /// <param name="scales">of all blocks</param>
    static abstract T Add<TLanes, T>(T a, T x, float* scales, long element, T sum) where TLanes : ILanes<T> where T : struct;

    /// <summary>sum + scale a x for four vectors, all of one block.</summary>
    /// <param name="x">[4 vectors]</param>
    static abstract T AddFour<TLanes, T>(T a, T b, T c, T d, float* x, float* scales, long element, T sum)
        where TLanes : ILanes<T> where T : struct;

    /// <summary>a x of four vectors.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static T Dot<TLanes, T>(T a, T b, T c, T d, float* x) where TLanes : ILanes<T> where T : struct =>
        TLanes.MultiplyAdd(d, TLanes.Load(x + (3 * TLanes.Count)), TLanes.MultiplyAdd(c, TLanes.Load(x + (2 * TLanes.Count)),
            TLanes.MultiplyAdd(b, TLanes.Load(x + TLanes.Count), TLanes.Multiply(a, TLanes.Load(x)))));

    /// <summary>
    /// sum + a x of four vectors without a scale. Vectors of 16 are added to the sum one by one: that is as fast as memory is read, and no
    /// faster, which would keep memory from being fetched in advance. Narrower ones are added together, not to wait for each other.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static T AddDot<TLanes, T>(T a, T b, T c, T d, float* x, T sum) where TLanes : ILanes<T> where T : struct =>
        TLanes.Count < 16 ? TLanes.Add(sum, Dot<TLanes, T>(a, b, c, d, x))
        : TLanes.MultiplyAdd(d, TLanes.Load(x + (3 * TLanes.Count)), TLanes.MultiplyAdd(c, TLanes.Load(x + (2 * TLanes.Count)),
            TLanes.MultiplyAdd(b, TLanes.Load(x + TLanes.Count), TLanes.MultiplyAdd(a, TLanes.Load(x), sum))));

    /// <summary>One number, scaled.</summary>
    static abstract float At(byte* data, float* scales, long element);
}
