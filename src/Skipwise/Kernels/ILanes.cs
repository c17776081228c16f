using System.Runtime.Intrinsics;

namespace Skipwise.Kernels;

/// <summary>
/// The operations of a vector of float32 that kernels are written in: one source for every width that a processor has.
/// </summary>
/// <typeparam name="T">the vector</typeparam>
internal unsafe interface ILanes<T> where T : struct
{
    /// <summary>Whether this processor has such vectors.</summary>
    static abstract bool IsSupported { get; }

    /// <summary>float32 numbers of a vector</summary>
    static abstract int Count { get; }

    /// <summary>vectors that the processor holds in registers: the size of a tile</summary>
    static abstract int Registers { get; }

    static abstract T Fill(float value);
    static abstract T Load(float* from);
    static abstract void Store(T vector, float* to);

    static abstract T Add(T a, T b);
    static abstract T Subtract(T a, T b);
    static abstract T Multiply(T a, T b);
    static abstract T Divide(T a, T b);
    /// <summary>a b + c</summary>
    static abstract T MultiplyAdd(T a, T b, T c);
    /// <summary>The smaller number; b if a is NaN.</summary>
    static abstract T Min(T a, T b);
    /// <summary>The larger number; b if a is NaN.</summary>
    static abstract T Max(T a, T b);
    static abstract T Negate(T a);
    static abstract T Abs(T a);
    static abstract T Round(T a);
    /// <summary>2^n for integers n from -126 to 127.</summary>
    static abstract T PowerOfTwo(T n);
    /// <summary>0 where x is below the bound, elsewhere the value.</summary>
    static abstract T ZeroBelow(float bound, T x, T value);

    /// <summary>The numbers inside from the lane <paramref name="first"/> to the one before <paramref name="end"/>, elsewhere those
    /// outside.</summary>
    static abstract T Within(int first, int end, T inside, T outside);
    static abstract bool EqualsAll(T a, T b);

    /// <summary>The sum of a vector's numbers.</summary>
    static abstract float Sum(T a);
    /// <summary>Sums of four vectors; the order of the additions is the same for each of them.</summary>
    static abstract Vector128<float> Sums(T a, T b, T c, T d);

    /// <summary>Every second number from the first on, and the others.</summary>
    static abstract (T Even, T Odd) LoadPairs(float* from);
    /// <summary>Stores the numbers of both vectors alternately.</summary>
    static abstract void StorePairs(T even, T odd, float* to);

    static abstract T LoadBFloat16(ushort* from);
    /// <summary>The nearest bfloat16 numbers, of two equally near ones the even one. NaN stays NaN.</summary>
    static abstract T RoundToBFloat16(T a);
    /// <summary>Stores the nearest bfloat16 numbers, of two equally near ones the even one. NaN stays NaN.</summary>
    static abstract void StoreBFloat16(T vector, ushort* to);
    /// <inheritdoc cref="LoadPairs"/>
    static abstract (T Even, T Odd) LoadBFloat16Pairs(ushort* from);
    /// <inheritdoc cref="StorePairs"/>
    static abstract void StoreBFloat16Pairs(T even, T odd, ushort* to);
    /// <summary>Finite numbers of IEEE 754's binary16; it does not know infinities and NaN.</summary>
    static abstract T LoadFloat16(ushort* from);
    static abstract T LoadInt8(sbyte* from);
    /// <summary>The numbers of a table that 4-bit codes stand for, two codes in a byte, the first in its lower half.</summary>
    /// <param name="table">float32 [16]</param>
    static abstract T LoadInt4(byte* from, float* table);
}
