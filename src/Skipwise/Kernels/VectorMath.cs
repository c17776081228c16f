using System.Runtime.CompilerServices;

namespace Skipwise.Kernels;

/// <summary>Functions of vectors, and of rows of numbers.</summary>
/// <typeparam name="TLanes">operations of the vector</typeparam>
/// <typeparam name="T">the vector</typeparam>
internal static unsafe class VectorMath<TLanes, T> where TLanes : ILanes<T> where T : struct
{
    /// <summary>
    /// Inputs of <see cref="Exp(T)"/> below it give 0. The results are summed with a 1, in which 2e-22 is lost even a million times over.
    /// Their products with small gradients would be subnormal, and each subnormal costs an Intel core a hundred cycles.
    /// </summary>
    public const float MinExponent = -50;

    private const int MaxLanes = 16;

    /// <summary>
    /// e^x to 2 units in the last place; 0 below <see cref="MinExponent"/>, for minus infinity too; NaN stays NaN.
    /// </summary>
    /// <param name="x">at most 88</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Exp(T x) => Exp(x, MinExponent);

    /// <summary>The same, 0 below another number: 2^n e^r with |r| at most ln 2 / 2 (Cephes' expf).</summary>
    /// <param name="least">at least -87.3</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Exp(T x, float least)
    {
        T n = TLanes.Round(TLanes.Multiply(x, TLanes.Fill(1.44269504f)));
        T r = TLanes.MultiplyAdd(n, TLanes.Fill(-0.693359375f), x);
        r = TLanes.MultiplyAdd(n, TLanes.Fill(2.12194440e-4f), r);
        T p = TLanes.Fill(1.9875691500e-4f);
        p = TLanes.MultiplyAdd(p, r, TLanes.Fill(1.3981999507e-3f));
        p = TLanes.MultiplyAdd(p, r, TLanes.Fill(8.3334519073e-3f));
        p = TLanes.MultiplyAdd(p, r, TLanes.Fill(4.1665795894e-2f));
        p = TLanes.MultiplyAdd(p, r, TLanes.Fill(1.6666665459e-1f));
        p = TLanes.MultiplyAdd(p, r, TLanes.Fill(0.5f));
        p = TLanes.Add(TLanes.MultiplyAdd(p, TLanes.Multiply(r, r), r), TLanes.Fill(1));
        return TLanes.ZeroBelow(least, x, TLanes.Multiply(p, TLanes.PowerOfTwo(n)));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Sigmoid(T x)
    {
        T one = TLanes.Fill(1);
        return TLanes.Divide(one, TLanes.Add(one, Exp(TLanes.Min(TLanes.Fill(88), TLanes.Negate(x))))); // NaN is the second operand
    }

    /// <summary>The largest number of a vector; NaN if one is.</summary>
    public static float Largest(T vector)
    {
        float* lanes = stackalloc float[MaxLanes];
        TLanes.Store(vector, lanes);
        float largest = lanes[0];
        for (int lane = 1; lane < TLanes.Count; lane++)
        {
            largest = MathF.Max(largest, lanes[lane]);
        }
        return largest;
    }

    /// <summary>Dot product, in float32.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float Dot<TElement>(byte* a, byte* b, int size) where TElement : struct, IElement
    {
        T sum = default, other = default; // two accumulators: an addition waits for the one before it
        int i = 0;
        for (; i <= size - (2 * TLanes.Count); i += 2 * TLanes.Count)
        {
            sum = TLanes.MultiplyAdd(TElement.Load<TLanes, T>(a, i), TElement.Load<TLanes, T>(b, i), sum);
            other = TLanes.MultiplyAdd(
                TElement.Load<TLanes, T>(a, i + TLanes.Count), TElement.Load<TLanes, T>(b, i + TLanes.Count), other);
        }
        float result = TLanes.Sum(TLanes.Add(sum, other));
        for (; i < size; i++)
        {
            result += TElement.At(a, i) * TElement.At(b, i);
        }
        return result;
    }

    /// <summary>Replaces elements z by e^(z - max).</summary>
    /// <returns>the maximum, and the sum of the results</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static (float Largest, float Sum) UnnormalizedSoftmax(float* z, long size)
    {
        T most = TLanes.Fill(float.NegativeInfinity), sums = default;
        long i = 0;
        for (; i <= size - TLanes.Count; i += TLanes.Count)
        {
            most = TLanes.Max(TLanes.Load(z + i), most);
        }
        (float largest, float sum) = (Largest(most), 0);
        for (; i < size; i++)
        {
            largest = MathF.Max(largest, z[i]);
        }
        T by = TLanes.Fill(largest);
        for (i = 0; i <= size - TLanes.Count; i += TLanes.Count)
        {
            T probability = Exp(TLanes.Subtract(TLanes.Load(z + i), by));
            TLanes.Store(probability, z + i);
            sums = TLanes.Add(sums, probability);
        }
        for (; i < size; i++)
        {
            sum += z[i] = MathF.Exp(z[i] - largest);
        }
        return (largest, sum + TLanes.Sum(sums));
    }

    /// <summary>x = factor x.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Scale(float* x, float factor, long size)
    {
        T factors = TLanes.Fill(factor);
        long i = 0;
        for (; i <= size - TLanes.Count; i += TLanes.Count)
        {
            TLanes.Store(TLanes.Multiply(TLanes.Load(x + i), factors), x + i);
        }
        for (; i < size; i++)
        {
            x[i] *= factor;
        }
    }
}
