using System.Runtime.CompilerServices;

namespace Skipwise.Kernels.Decoding;

internal sealed unsafe partial class VectorDecodeKernels<TLanes, T>
{
    public override void Attend(
        WeightFormat format, byte* keys, byte* values, int tokens, float* queries, int group, int dim, float* scores, float* piece)
    {
        int row = ScoreRow(tokens);
        float* largest = piece + (group * dim), sums = largest + group;
        Multiply(format, keys, null, dim, 0, tokens, queries, dim, group, scores, row);
        for (int g = 0; g < group; g++)
        {
            float* weights = scores + ((long)g * row);
            new Span<float>(weights + tokens, row - tokens).Fill(float.NegativeInfinity);
            (largest[g], sums[g]) = ExpInPlace(weights, row);
        }
        switch (format)
        {
            case WeightFormat.BFloat16:
                Average<BFloat16Format>(values, tokens, scores, row, group, dim, piece);
                break;
            case WeightFormat.Float16:
                Average<Float16Format>(values, tokens, scores, row, group, dim, piece);
                break;
            case WeightFormat.Int8Blocks:
                Average<Int8BlockFormat>(values, tokens, scores, row, group, dim, piece);
                break;
            default:
                Average<Float32Format>(values, tokens, scores, row, group, dim, piece);
                break;
        }
    }

    public override void CombineAttention(float* pieces, long stride, int count, int group, int dim, float* to)
    {
        for (int g = 0; g < group; g++, to += dim)
        {
            float* values = pieces + ((long)g * dim), numbers = pieces + ((long)group * dim) + g;
            (float largest, float sum) = (float.NegativeInfinity, 0);
            for (int i = 0; i < count; i++)
            {
                largest = MathF.Max(largest, numbers[i * stride]);
            }
            new Span<float>(to, dim).Clear();
            for (int i = 0; i < count; i++, values += stride, numbers += stride)
            {
                float weight = MathF.Exp(*numbers - largest);
                sum += weight * numbers[group];
                AddScaled(values, weight, to, dim);
            }
            Divide(to, sum, dim);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Dequantize(byte* from, float* to, int count)
    {
        for (int i = 0; i < count; i += TLanes.Count)
        {
            TLanes.Store(Int8BlockFormat.Load<TLanes, T>(from, i), to + i);
        }
    }

    /// <summary>Replaces numbers by e^(number - largest); the count is a multiple of a vector's.</summary>
    /// <returns>the largest, and the sum of the results</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static (float Largest, float Sum) ExpInPlace(float* numbers, int count)
    {
        T most = TLanes.Load(numbers), sums = default;
        for (int i = TLanes.Count; i < count; i += TLanes.Count)
        {
            most = TLanes.Max(most, TLanes.Load(numbers + i));
        }
        float largest = VectorMath<TLanes, T>.Largest(most);
        T by = TLanes.Fill(largest);
        for (int i = 0; i < count; i += TLanes.Count)
        {
            T weight = Exp(TLanes.Subtract(TLanes.Load(numbers + i), by));
            TLanes.Store(weight, numbers + i);
            sums = TLanes.Add(sums, weight);
        }
        return (largest, TLanes.Sums(sums, sums, sums, sums)[0]);
    }

    /// <summary>to [G, D] = weights [G, tokens] values [tokens, D], added in the order of the tokens.</summary>
    private static void Average<TFormat>(byte* values, int tokens, float* weights, int row, int group, int dim, float* to)
        where TFormat : IWeightFormat
    {
        int g = 0;
        for (; g <= group - 4; g += 4)
        {
            int first = 0;
            for (; first <= dim - (4 * TLanes.Count); first += 4 * TLanes.Count)
            {
                Average4By4<TFormat>(values, first, tokens, weights + ((long)g * row), row, dim, to + ((long)g * dim) + first);
            }
            for (int i = g; i < g + 4; i++)
            {
                AverageRest<TFormat>(values, first, tokens, weights + ((long)i * row), dim, to + ((long)i * dim));
            }
        }
        for (; g < group; g++)
        {
            int first = 0;
            for (; first <= dim - (4 * TLanes.Count); first += 4 * TLanes.Count)
            {
                Average1By4<TFormat>(values, first, tokens, weights + ((long)g * row), dim, to + ((long)g * dim) + first);
            }
            AverageRest<TFormat>(values, first, tokens, weights + ((long)g * row), dim, to + ((long)g * dim));
        }
    }

    /// <summary>Four vectors of the averages of four query heads.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Average4By4<TFormat>(byte* values, int first, int tokens, float* weights, int row, int dim, float* to)
        where TFormat : IWeightFormat
    {
        T a0 = default, a1 = default, a2 = default, a3 = default, b0 = default, b1 = default, b2 = default, b3 = default;
        T c0 = default, c1 = default, c2 = default, c3 = default, d0 = default, d1 = default, d2 = default, d3 = default;
        float* weightsB = weights + row, weightsC = weightsB + row, weightsD = weightsC + row;
        long at = first;
        for (int token = 0; token < tokens; token++, at += dim)
        {
            T value0 = TFormat.Load<TLanes, T>(values, at), value1 = TFormat.Load<TLanes, T>(values, at + TLanes.Count);
            T value2 = TFormat.Load<TLanes, T>(values, at + (2 * TLanes.Count)),
                value3 = TFormat.Load<TLanes, T>(values, at + (3 * TLanes.Count));
            T weight = TLanes.Fill(weights[token]);
            a0 = TLanes.MultiplyAdd(weight, value0, a0);
            a1 = TLanes.MultiplyAdd(weight, value1, a1);
            a2 = TLanes.MultiplyAdd(weight, value2, a2);
            a3 = TLanes.MultiplyAdd(weight, value3, a3);
            weight = TLanes.Fill(weightsB[token]);
            b0 = TLanes.MultiplyAdd(weight, value0, b0);
            b1 = TLanes.MultiplyAdd(weight, value1, b1);
            b2 = TLanes.MultiplyAdd(weight, value2, b2);
            b3 = TLanes.MultiplyAdd(weight, value3, b3);
            weight = TLanes.Fill(weightsC[token]);
            c0 = TLanes.MultiplyAdd(weight, value0, c0);
            c1 = TLanes.MultiplyAdd(weight, value1, c1);
            c2 = TLanes.MultiplyAdd(weight, value2, c2);
            c3 = TLanes.MultiplyAdd(weight, value3, c3);
            weight = TLanes.Fill(weightsD[token]);
            d0 = TLanes.MultiplyAdd(weight, value0, d0);
            d1 = TLanes.MultiplyAdd(weight, value1, d1);
            d2 = TLanes.MultiplyAdd(weight, value2, d2);
            d3 = TLanes.MultiplyAdd(weight, value3, d3);
        }
        StoreFour(a0, a1, a2, a3, to);
        StoreFour(b0, b1, b2, b3, to + dim);
        StoreFour(c0, c1, c2, c3, to + (2 * dim));
        StoreFour(d0, d1, d2, d3, to + (3 * dim));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Average1By4<TFormat>(byte* values, int first, int tokens, float* weights, int dim, float* to)
        where TFormat : IWeightFormat
    {
        T a0 = default, a1 = default, a2 = default, a3 = default;
        long at = first;
        for (int token = 0; token < tokens; token++, at += dim)
        {
            T weight = TLanes.Fill(weights[token]);
            a0 = TLanes.MultiplyAdd(weight, TFormat.Load<TLanes, T>(values, at), a0);
            a1 = TLanes.MultiplyAdd(weight, TFormat.Load<TLanes, T>(values, at + TLanes.Count), a1);
            a2 = TLanes.MultiplyAdd(weight, TFormat.Load<TLanes, T>(values, at + (2 * TLanes.Count)), a2);
            a3 = TLanes.MultiplyAdd(weight, TFormat.Load<TLanes, T>(values, at + (3 * TLanes.Count)), a3);
        }
        StoreFour(a0, a1, a2, a3, to);
    }

    /// <summary>The dimensions of one query head from <paramref name="first"/> on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AverageRest<TFormat>(byte* values, int first, int tokens, float* weights, int dim, float* to)
        where TFormat : IWeightFormat
    {
        for (; first <= dim - TLanes.Count; first += TLanes.Count)
        {
            T sum = default;
            for (int token = 0; token < tokens; token++)
            {
                T value = TFormat.Load<TLanes, T>(values, ((long)token * dim) + first);
                sum = TLanes.MultiplyAdd(TLanes.Fill(weights[token]), value, sum);
            }
            TLanes.Store(sum, to + first);
        }
        for (; first < dim; first++)
        {
            to[first] = 0;
            for (int token = 0; token < tokens; token++)
            {
                to[first] += weights[token] * TFormat.At(values, null, ((long)token * dim) + first);
            }
        }
    }

    private static void StoreFour(T first, T second, T third, T fourth, float* to)
    {
        TLanes.Store(first, to);
        TLanes.Store(second, to + TLanes.Count);
        TLanes.Store(third, to + (2 * TLanes.Count));
        TLanes.Store(fourth, to + (3 * TLanes.Count));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AddScaled(float* x, float factor, float* y, int count)
    {
        int i = 0;
        T factors = TLanes.Fill(factor);
        for (; i <= count - TLanes.Count; i += TLanes.Count)
        {
            TLanes.Store(TLanes.Add(TLanes.Load(y + i), TLanes.Multiply(TLanes.Load(x + i), factors)), y + i);
        }
        for (; i < count; i++)
        {
            y[i] += x[i] * factor;
        }
    }

    private static void Divide(float* x, float by, int count)
    {
        for (int i = 0; i < count; i++)
        {
            x[i] /= by;
        }
    }
}
