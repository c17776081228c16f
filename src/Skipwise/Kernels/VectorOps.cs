using System.Runtime.CompilerServices;
using Skipwise.Rope;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Kernels;

/// <summary>
/// Single-pass operations for which libtorch needs several passes over memory: float32, contiguous rows of at least one vector. The
/// formulas are those of <see cref="ReferenceKernels"/>.
/// </summary>
/// <typeparam name="TLanes">operations of the vector</typeparam>
/// <typeparam name="T">the vector</typeparam>
internal static unsafe class VectorOps<TLanes, T> where TLanes : ILanes<T> where T : struct
{
    // N rows, C columns

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
                r[row] = 1 / MathF.Sqrt((VectorMath<TLanes, T>.Dot(xs, xs, columns) / columns) + eps);
                T factor = TLanes.Fill(r[row]);
                int i = 0;
                for (; i <= columns - TLanes.Count; i += TLanes.Count)
                {
                    TLanes.Store(TLanes.Multiply(TLanes.Multiply(TLanes.Load(xs + i), factor), TLanes.Load(w + i)), ys + i);
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
                T sum = default;
                int i = 0;
                for (; i <= columns - TLanes.Count; i += TLanes.Count)
                {
                    T weighted = TLanes.Multiply(TLanes.Load(g + i), TLanes.Load(w + i));
                    sum = TLanes.MultiplyAdd(weighted, TLanes.Load(value + i), sum);
                }
                float mean = TLanes.Sum(sum), by = r[row];
                for (; i < columns; i++)
                {
                    mean += g[i] * w[i] * value[i];
                }
                mean = mean * by / columns;
                T bys = TLanes.Fill(by), means = TLanes.Fill(-mean);
                for (i = 0; i <= columns - TLanes.Count; i += TLanes.Count)
                {
                    T normed = TLanes.Multiply(TLanes.Load(value + i), bys), its = TLanes.Load(g + i);
                    T weighted = TLanes.Multiply(its, TLanes.Load(w + i));
                    TLanes.Store(TLanes.Multiply(TLanes.MultiplyAdd(normed, means, weighted), bys), dx + i);
                    TLanes.Store(TLanes.MultiplyAdd(its, normed, TLanes.Load(dw + i)), dw + i);
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

    /// <summary>silu(gate) up, element-wise; at least a vector of elements.</summary>
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
            for (long at = first; at < end; at += TLanes.Count)
            {
                long i = Math.Min(at, count - TLanes.Count); // the last vector overlaps the one before
                T z = TLanes.Load(gates + i);
                TLanes.Store(TLanes.Multiply(TLanes.Multiply(z, VectorMath<TLanes, T>.Sigmoid(z)), TLanes.Load(ups + i)), to + i);
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
            for (long at = first; at < end; at += TLanes.Count)
            {
                long i = Math.Min(at, count - TLanes.Count);
                T z = TLanes.Load(gates + i), s = VectorMath<TLanes, T>.Sigmoid(z), one = TLanes.Fill(1);
                T g = TLanes.Multiply(TLanes.Load(gs + i), s), slope = TLanes.MultiplyAdd(z, TLanes.Subtract(one, s), one);
                TLanes.Store(TLanes.Multiply(TLanes.Multiply(g, TLanes.Load(ups + i)), slope), dGates + i);
                TLanes.Store(TLanes.Multiply(g, z), dUps + i);
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
                (float largest, float sum) = VectorMath<TLanes, T>.UnnormalizedSoftmax(z, columns);
                loss[row] = largest - right + Math.Log(sum);
                VectorMath<TLanes, T>.Scale(z, 1 / sum, columns);
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
                for (; pair <= count - TLanes.Count; pair += TLanes.Count)
                {
                    (T cos, T sin) = Load(angle, pair, count, isHalves: false);
                    sin = back ? TLanes.Negate(sin) : sin;
                    for (int head = 0; head < heads; head++)
                    {
                        (T a, T b) = Load(source + (head * size), pair, count, readsHalves);
                        T turned = TLanes.Subtract(TLanes.Multiply(a, cos), TLanes.Multiply(b, sin));
                        T other = TLanes.Add(TLanes.Multiply(a, sin), TLanes.Multiply(b, cos));
                        Store(turned, other, target + (head * size), pair, count, writesHalves);
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

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (T First, T Second) Load(float* values, int pair, int pairs, bool isHalves) =>
        isHalves ? (TLanes.Load(values + pair), TLanes.Load(values + pairs + pair)) : TLanes.LoadPairs(values + (2 * pair));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(T first, T second, float* values, int pair, int pairs, bool isHalves)
    {
        if (isHalves)
        {
            TLanes.Store(first, values + pair);
            TLanes.Store(second, values + pairs + pair);
        }
        else
        {
            TLanes.StorePairs(first, second, values + (2 * pair));
        }
    }
}
