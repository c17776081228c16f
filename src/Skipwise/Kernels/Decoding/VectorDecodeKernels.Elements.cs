using System.Runtime.CompilerServices;
using Skipwise.Rope;

namespace Skipwise.Kernels.Decoding;

internal sealed unsafe partial class VectorDecodeKernels<TLanes, T>
{
    private const int MaxLanes = 16;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Norm(NormWeights norm, float* x, float* y)
    {
        (int size, int i) = (norm.Size, 0);
        float mean = norm.Bias == null ? 0 : Total(x, size) / size;
        T center = TLanes.Fill(mean), squares = default;
        for (; i <= size - TLanes.Count; i += TLanes.Count)
        {
            T from = TLanes.Subtract(TLanes.Load(x + i), center);
            squares = TLanes.MultiplyAdd(from, from, squares);
        }
        float sum = TLanes.Sums(squares, squares, squares, squares)[0];
        for (; i < size; i++)
        {
            sum += (x[i] - mean) * (x[i] - mean);
        }
        float scale = 1 / MathF.Sqrt((sum / size) + norm.Eps);
        T scales = TLanes.Fill(scale);
        for (i = 0; i <= size - TLanes.Count; i += TLanes.Count)
        {
            T normed = TLanes.Multiply(TLanes.Multiply(TLanes.Subtract(TLanes.Load(x + i), center), scales), TLanes.Load(norm.Factor + i));
            TLanes.Store(norm.Bias == null ? normed : TLanes.Add(normed, TLanes.Load(norm.Bias + i)), y + i);
        }
        for (; i < size; i++)
        {
            float normed = (x[i] - mean) * scale * norm.Factor[i];
            y[i] = norm.Bias == null ? normed : normed + norm.Bias[i];
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Add(float* x, float* y, int count)
    {
        int i = 0;
        for (; i <= count - TLanes.Count; i += TLanes.Count)
        {
            TLanes.Store(TLanes.Add(TLanes.Load(y + i), TLanes.Load(x + i)), y + i);
        }
        for (; i < count; i++)
        {
            y[i] += x[i];
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Activate(ActivationKind activation, float* gate, float* up, float* y, int count)
    {
        int i = 0;
        for (; i <= count - TLanes.Count; i += TLanes.Count)
        {
            T active = Activate(activation, TLanes.Load(gate + i));
            TLanes.Store(up == null ? active : TLanes.Multiply(active, TLanes.Load(up + i)), y + i);
        }
        if (i == count)
        {
            return;
        }
        // The last numbers go through a vector too: a number is computed alike wherever it stands.
        float* rest = stackalloc float[MaxLanes];
        new ReadOnlySpan<float>(gate + i, count - i).CopyTo(new(rest, MaxLanes));
        TLanes.Store(Activate(activation, TLanes.Load(rest)), rest);
        for (int j = 0; i < count; i++, j++)
        {
            y[i] = up == null ? rest[j] : rest[j] * up[i];
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Rotate(
        RotaryLayout layout, float* x, float* cosines, float* sines, int pairs, int dim, float scale, float* y)
    {
        int i = 0;
        T scales = TLanes.Fill(scale);
        for (; i <= pairs - TLanes.Count; i += TLanes.Count)
        {
            (T a, T b) = layout == RotaryLayout.RotateHalf
                ? (TLanes.Load(x + i), TLanes.Load(x + pairs + i)) : TLanes.LoadPairs(x + (2 * i));
            T cosine = TLanes.Multiply(TLanes.Load(cosines + i), scales), sine = TLanes.Multiply(TLanes.Load(sines + i), scales);
            TLanes.StorePairs(TLanes.Subtract(TLanes.Multiply(a, cosine), TLanes.Multiply(b, sine)),
                TLanes.Add(TLanes.Multiply(a, sine), TLanes.Multiply(b, cosine)), y + (2 * i));
        }
        for (; i < pairs; i++)
        {
            (float a, float b) = layout == RotaryLayout.RotateHalf ? (x[i], x[pairs + i]) : (x[2 * i], x[(2 * i) + 1]);
            (float cosine, float sine) = (cosines[i] * scale, sines[i] * scale);
            y[2 * i] = (a * cosine) - (b * sine);
            y[(2 * i) + 1] = (a * sine) + (b * cosine);
        }
        for (i = 2 * pairs; i < dim; i++)
        {
            y[i] = x[i] * scale;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Total(float* x, int size)
    {
        T totals = default;
        int i = 0;
        for (; i <= size - TLanes.Count; i += TLanes.Count)
        {
            totals = TLanes.Add(totals, TLanes.Load(x + i));
        }
        float total = TLanes.Sums(totals, totals, totals, totals)[0];
        for (; i < size; i++)
        {
            total += x[i];
        }
        return total;
    }

    private static T Activate(ActivationKind activation, T x) => activation switch
    {
        ActivationKind.Gelu => Gelu(x),
        // 0.5 (1 + tanh(u)) = sigmoid(2 u), u = sqrt(2 / pi) (x + 0.044715 x^3)
        ActivationKind.GeluTanh => TLanes.Multiply(x, VectorMath<TLanes, T>.Sigmoid(TLanes.Multiply(
            x, TLanes.MultiplyAdd(TLanes.Multiply(x, x), TLanes.Fill(0.0713548163f), TLanes.Fill(1.59576912f))))),
        _ => TLanes.Multiply(x, VectorMath<TLanes, T>.Sigmoid(x)),
    };

    /// <summary>
    /// x Phi(x) = max(0, x) - |x| erfc(|x| / sqrt(2)) / 2, with erfc by Abramowitz and Stegun's formula 7.1.26, whose error is at most
    /// 1.5e-7.
    /// </summary>
    private static T Gelu(T x)
    {
        T size = TLanes.Abs(x), z = TLanes.Multiply(size, TLanes.Fill(0.707106781f));
        T t = TLanes.Divide(TLanes.Fill(1), TLanes.MultiplyAdd(z, TLanes.Fill(0.3275911f), TLanes.Fill(1)));
        T p = TLanes.MultiplyAdd(t, TLanes.Fill(1.061405429f), TLanes.Fill(-1.453152027f));
        p = TLanes.MultiplyAdd(p, t, TLanes.Fill(1.421413741f));
        p = TLanes.MultiplyAdd(p, t, TLanes.Fill(-0.284496736f));
        p = TLanes.Multiply(TLanes.MultiplyAdd(p, t, TLanes.Fill(0.254829592f)), t);
        T tail = TLanes.Multiply(p, Exp(TLanes.Subtract(default, TLanes.Multiply(z, z))));
        return TLanes.Subtract(TLanes.Max(default, x), TLanes.Multiply(TLanes.Multiply(size, TLanes.Fill(0.5f)), tail));
    }

    /// <summary>e^x for x up to 88; 0 below -87.3.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T Exp(T x) => VectorMath<TLanes, T>.Exp(x, least: -87.3f);
}
