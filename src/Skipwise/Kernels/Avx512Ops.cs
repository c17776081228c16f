using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Skipwise.Rope;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Kernels;

/// <summary>
/// Single-pass operations with AVX-512 for which libtorch needs several passes over memory: float32, contiguous rows of at least one
/// vector. The formulas are those of <see cref="ReferenceKernels"/>.
/// </summary>
internal static unsafe class Avx512Ops
{
    // N rows, C columns
    private const int Lanes = Avx512Gemm.VectorWidth;

    /// <summary>y = x r w with r = 1 / sqrt(mean(x^2) + eps), by rows.</summary>
    /// <param name="x">[..., C]</param>
    /// <param name="weight">[C]</param>
    /// <returns>y, shaped like x, and r [N]</returns>
    public static (Tensor Normed, Tensor Scale) RmsNorm(Tensor x, Tensor weight, float eps)
    {
        using var scope = NewDisposeScope();
        (x, weight) = (x.contiguous(), weight.contiguous());
        int columns = (int)x.size(-1);
        Tensor normed = empty(x.shape, ScalarType.Float32, x.device), scale = empty([x.numel() / columns], ScalarType.Float32, x.device);
        using TensorPointers pointers = new();
        float* from = pointers.To<float>(x), w = pointers.To<float>(weight), to = pointers.To<float>(normed), r = pointers.To<float>(scale);
        ParallelWork.ForRange(scale.size(0), columns, (first, end) =>
        {
            for (long row = first; row < end; row++)
            {
                float* xs = from + (row * columns), ys = to + (row * columns);
                r[row] = 1 / MathF.Sqrt((Avx512Gemm.Dot(xs, xs, columns) / columns) + eps);
                Vector512<float> factor = Vector512.Create(r[row]);
                int i = 0;
                for (; i <= columns - Lanes; i += Lanes)
                {
                    (Vector512.Load(xs + i) * factor * Vector512.Load(w + i)).Store(ys + i);
                }
                for (; i < columns; i++)
                {
                    ys[i] = xs[i] * r[row] * w[i];
                }
            }
        });
        return (normed.MoveToOuterDisposeScope(), scale.MoveToOuterDisposeScope());
    }

    /// <summary>With n = x r: dx = r (g w - n mean(g w n)), dw = sum over rows of g n.</summary>
    /// <param name="gradient">g, shaped like x</param>
    /// <param name="scale">r [N]</param>
    public static (Tensor X, Tensor Weight) RmsNormBackward(Tensor gradient, Tensor x, Tensor weight, Tensor scale)
    {
        const int parts = 32; // of the rows, each with its own dw; summed in order
        using var scope = NewDisposeScope();
        (gradient, x, weight) = (gradient.contiguous(), x.contiguous(), weight.contiguous());
        int columns = (int)x.size(-1);
        long rows = scale.size(0), size = (rows + parts - 1) / parts;
        Tensor dX = empty(x.shape, ScalarType.Float32, x.device), dWeights = zeros([parts, columns], ScalarType.Float32, x.device);
        using TensorPointers pointers = new();
        float* gs = pointers.To<float>(gradient), xs = pointers.To<float>(x), w = pointers.To<float>(weight), r = pointers.To<float>(scale);
        float* dxs = pointers.To<float>(dX), dws = pointers.To<float>(dWeights);
        ParallelWork.For(get_num_threads(), parts, (_, part) =>
        {
            float* dw = dws + (part * columns);
            for (long row = part * size; row < Math.Min(rows, (part + 1) * size); row++)
            {
                float* g = gs + (row * columns), value = xs + (row * columns), dx = dxs + (row * columns);
                Vector512<float> sum = default;
                int i = 0;
                for (; i <= columns - Lanes; i += Lanes)
                {
                    sum = Vector512.FusedMultiplyAdd(Vector512.Load(g + i) * Vector512.Load(w + i), Vector512.Load(value + i), sum);
                }
                float mean = Vector512.Sum(sum), by = r[row];
                for (; i < columns; i++)
                {
                    mean += g[i] * w[i] * value[i];
                }
                mean = mean * by / columns;
                Vector512<float> bys = Vector512.Create(by), means = Vector512.Create(-mean);
                for (i = 0; i <= columns - Lanes; i += Lanes)
                {
                    Vector512<float> normed = Vector512.Load(value + i) * bys, its = Vector512.Load(g + i);
                    (Vector512.FusedMultiplyAdd(normed, means, its * Vector512.Load(w + i)) * bys).Store(dx + i);
                    Vector512.FusedMultiplyAdd(its, normed, Vector512.Load(dw + i)).Store(dw + i);
                }
                for (; i < columns; i++)
                {
                    float normed = value[i] * by;
                    dx[i] = ((g[i] * w[i]) - (normed * mean)) * by;
                    dw[i] += g[i] * normed;
                }
            }
        });
        return (dX.MoveToOuterDisposeScope(), dWeights.sum(0L).MoveToOuterDisposeScope());
    }

    /// <summary>silu(gate) up, element-wise; at least 16 elements.</summary>
    public static Tensor GatedSilu(Tensor gate, Tensor up)
    {
        using var scope = NewDisposeScope();
        (gate, up) = (gate.contiguous(), up.contiguous());
        Tensor gated = empty(gate.shape, ScalarType.Float32, gate.device);
        using TensorPointers pointers = new();
        float* gates = pointers.To<float>(gate), ups = pointers.To<float>(up), to = pointers.To<float>(gated);
        long count = gate.numel();
        ParallelWork.ForRange(count, 1, (first, end) =>
        {
            for (long at = first; at < end; at += Lanes)
            {
                long i = Math.Min(at, count - Lanes); // the last vector overlaps the one before
                Vector512<float> z = Vector512.Load(gates + i);
                (z * Sigmoid(z) * Vector512.Load(ups + i)).Store(to + i);
            }
        });
        return gated.MoveToOuterDisposeScope();
    }

    /// <summary>With s = sigmoid(gate): dgate = g up s (1 + gate (1 - s)), dup = g gate s.</summary>
    public static (Tensor Gate, Tensor Up) GatedSiluBackward(Tensor gradient, Tensor gate, Tensor up)
    {
        using var scope = NewDisposeScope();
        (gradient, gate, up) = (gradient.contiguous(), gate.contiguous(), up.contiguous());
        Tensor dGate = empty(gate.shape, ScalarType.Float32, gate.device), dUp = empty(gate.shape, ScalarType.Float32, gate.device);
        using TensorPointers pointers = new();
        float* gs = pointers.To<float>(gradient), gates = pointers.To<float>(gate), ups = pointers.To<float>(up);
        float* dGates = pointers.To<float>(dGate), dUps = pointers.To<float>(dUp);
        long count = gate.numel();
        ParallelWork.ForRange(count, 1, (first, end) =>
        {
            for (long at = first; at < end; at += Lanes)
            {
                long i = Math.Min(at, count - Lanes);
                Vector512<float> z = Vector512.Load(gates + i), s = Sigmoid(z), g = Vector512.Load(gs + i) * s, one = Vector512<float>.One;
                (g * Vector512.Load(ups + i) * Vector512.FusedMultiplyAdd(z, one - s, one)).Store(dGates + i);
                (g * z).Store(dUps + i);
            }
        });
        return (dGate.MoveToOuterDisposeScope(), dUp.MoveToOuterDisposeScope());
    }

    /// <summary>
    /// Replaces logits by softmax(logits) - onehot(label), row by row: the gradient of the loss -ln softmax(logits)[label].
    /// </summary>
    /// <param name="scores">[N, C], contiguous; overwritten</param>
    /// <param name="labels">int64 [N], below C</param>
    /// <exception cref="ArgumentException">a label outside the columns: it would be read out of bounds</exception>
    /// <returns>the loss of every row in nats, float64 [N]</returns>
    public static Tensor CrossEntropy(Tensor scores, Tensor labels)
    {
        using var scope = NewDisposeScope();
        labels = labels.contiguous();
        (long rows, long columns) = (scores.size(0), scores.size(1));
        Tensor losses = empty([rows], ScalarType.Float64, scores.device);
        using TensorPointers pointers = new();
        float* all = pointers.To<float>(scores);
        long* label = pointers.To<long>(labels);
        double* loss = pointers.To<double>(losses);
        if (labels.numel() != rows || new ReadOnlySpan<long>(label, checked((int)rows)).IndexOfAnyExceptInRange(0, columns - 1) >= 0)
        {
            throw new ArgumentException($"expected {rows} labels from 0 to {columns - 1}", nameof(labels));
        }
        ParallelWork.ForRange(rows, columns, (first, end) =>
        {
            for (long row = first; row < end; row++)
            {
                float* z = all + (row * columns);
                float right = z[label[row]];
                (float largest, float sum) = UnnormalizedSoftmax(z, columns);
                loss[row] = largest - right + Math.Log(sum);
                ScaleInPlace(z, 1 / sum, columns);
                z[label[row]] -= 1;
            }
        });
        return losses.MoveToOuterDisposeScope();
    }

    /// <summary>Rotates every pair of the rotary dimensions; the inverse also restores the order of the dimensions.</summary>
    /// <param name="x">[B, T, H, D]</param>
    /// <param name="rotation">complex [B or 1, T, 1, P], for the first 2 P dimensions</param>
    /// <param name="pairs">which dimensions form a pair; rotated ones are interleaved</param>
    /// <returns>[B, T, H, D]</returns>
    public static Tensor Rotate(Tensor x, Tensor rotation, RotaryLayout pairs, bool back)
    {
        using var scope = NewDisposeScope();
        (x, rotation) = (x.contiguous(), view_as_real(rotation).contiguous());
        (long tokens, int heads, int size, int count) = (x.size(1), (int)x.size(2), (int)x.size(3), (int)rotation.size(3));
        long rotations = rotation.size(0) * rotation.size(1);
        Tensor rotated = empty(x.shape, ScalarType.Float32, x.device);
        using TensorPointers pointers = new();
        float* from = pointers.To<float>(x), to = pointers.To<float>(rotated), angles = pointers.To<float>(rotation);
        // Offsets of a pair's two elements: adjacent, or half the rotary dimensions apart.
        (bool readsHalves, bool writesHalves) = (pairs == RotaryLayout.RotateHalf && !back, pairs == RotaryLayout.RotateHalf && back);
        ParallelWork.ForRange(x.size(0) * tokens, (long)heads * size, (first, end) =>
        {
            for (long token = first; token < end; token++)
            {
                float* source = from + (token * heads * size), target = to + (token * heads * size),
                    angle = angles + (token % rotations * 2 * count);
                int pair = 0;
                for (; pair <= count - Lanes; pair += Lanes)
                {
                    (Vector512<float> cos, Vector512<float> sin) = Load(angle, pair, count, isHalves: false);
                    sin = back ? -sin : sin;
                    for (int head = 0; head < heads; head++)
                    {
                        (Vector512<float> a, Vector512<float> b) = Load(source + (head * size), pair, count, readsHalves);
                        Store((a * cos) - (b * sin), (a * sin) + (b * cos), target + (head * size), pair, count, writesHalves);
                    }
                }
                for (; pair < count; pair++)
                {
                    (float cos, float sin) = (angle[2 * pair], back ? -angle[(2 * pair) + 1] : angle[(2 * pair) + 1]);
                    (int read, int readOther) = readsHalves ? (pair, pair + count) : (2 * pair, (2 * pair) + 1);
                    (int write, int writeOther) = writesHalves ? (pair, pair + count) : (2 * pair, (2 * pair) + 1);
                    for (int head = 0; head < heads; head++)
                    {
                        float a = source[(head * size) + read], b = source[(head * size) + readOther];
                        target[(head * size) + write] = (a * cos) - (b * sin);
                        target[(head * size) + writeOther] = (a * sin) + (b * cos);
                    }
                }
                for (int head = 0; head < heads && 2 * count < size; head++)
                {
                    new ReadOnlySpan<float>(source + (head * size) + (2 * count), size - (2 * count)).CopyTo(
                        new(target + (head * size) + (2 * count), size - (2 * count)));
                }
            }
        });
        return rotated.MoveToOuterDisposeScope();
    }

    private static (Vector512<float> First, Vector512<float> Second) Load(float* values, int pair, int pairs, bool isHalves)
    {
        if (isHalves)
        {
            return (Vector512.Load(values + pair), Vector512.Load(values + pairs + pair));
        }
        Vector512<float> low = Vector512.Load(values + (2 * pair)), high = Vector512.Load(values + (2 * pair) + Lanes);
        Vector512<int> even = Vector512.Create(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
        return (Avx512F.PermuteVar16x32x2(low, even, high), Avx512F.PermuteVar16x32x2(low, even + Vector512<int>.One, high));
    }

    private static void Store(Vector512<float> first, Vector512<float> second, float* values, int pair, int pairs, bool isHalves)
    {
        if (isHalves)
        {
            first.Store(values + pair);
            second.Store(values + pairs + pair);
            return;
        }
        Vector512<int> alternately = Vector512.Create(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
        Avx512F.PermuteVar16x32x2(first, alternately, second).Store(values + (2 * pair));
        Avx512F.PermuteVar16x32x2(first, alternately + Vector512.Create(8), second).Store(values + (2 * pair) + Lanes);
    }

    /// <summary>Replaces elements z by e^(z - max).</summary>
    /// <returns>the maximum, and the sum of the results</returns>
    private static (float Largest, float Sum) UnnormalizedSoftmax(float* z, long size)
    {
        Vector512<float> most = Vector512.Create(float.NegativeInfinity), sums = default;
        long i = 0;
        for (; i <= size - Lanes; i += Lanes)
        {
            most = Vector512.MaxNative(Vector512.Load(z + i), most);
        }
        float largest = float.NegativeInfinity, sum = 0;
        for (int lane = 0; lane < Lanes; lane++)
        {
            largest = Math.Max(largest, most[lane]);
        }
        for (; i < size; i++)
        {
            largest = Math.Max(largest, z[i]);
        }
        Vector512<float> by = Vector512.Create(largest);
        for (i = 0; i <= size - Lanes; i += Lanes)
        {
            Vector512<float> probability = Avx512Gemm.Exp(Vector512.Load(z + i) - by);
            probability.Store(z + i);
            sums += probability;
        }
        for (; i < size; i++)
        {
            sum += z[i] = MathF.Exp(z[i] - largest);
        }
        return (largest, sum + Vector512.Sum(sums));
    }

    private static void ScaleInPlace(float* values, float factor, long size)
    {
        Vector512<float> factors = Vector512.Create(factor);
        long i = 0;
        for (; i <= size - Lanes; i += Lanes)
        {
            (Vector512.Load(values + i) * factors).Store(values + i);
        }
        for (; i < size; i++)
        {
            values[i] *= factor;
        }
    }

    private static Vector512<float> Sigmoid(Vector512<float> z) =>
        // min returns its second operand if z is NaN
        Vector512<float>.One / (Vector512<float>.One + Avx512Gemm.Exp(Vector512.MinNative(Vector512.Create(88f), -z)));
}
