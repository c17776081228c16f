using System.Runtime.CompilerServices;
using Skipwise.Rope;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Kernels;

/// <summary>
/// Single-pass operations for which libtorch needs several passes over memory: contiguous rows, computed in float32.
/// The formulas are those of <see cref="ReferenceKernels"/>.
/// </summary>
/// <typeparam name="TLanes">operations of the vector</typeparam>
/// <typeparam name="T">the vector</typeparam>
/// <typeparam name="TElement">type of all tensors but those that say so</typeparam>
internal static unsafe class VectorOps<TLanes, T, TElement>
    where TLanes : ILanes<T> where T : struct where TElement : struct, IElement
{
    // N rows, C columns

    /// <summary>y = x r w with r = 1 / sqrt(mean(x^2) + eps), by rows.</summary>
    /// <param name="x">[..., C]</param>
    /// <param name="weight">float32 [C]</param>
    /// <param name="roundsFirst">whether x r is rounded before the product with w, as Llama does in 16 bits</param>
    /// <returns>y, shaped like x, and r, float32 [N]</returns>
    public static (Tensor Normed, Tensor Scale) RmsNorm(Tensor x, Tensor weight, float eps, bool roundsFirst)
    {
        using var scope = NewDisposeScope();
        (x, weight) = (x.contiguous(), weight.contiguous());
        int columns = (int)x.size(-1);
        Tensor normed = empty_like(x), scale = empty([x.numel() / columns], ScalarType.Float32, x.device);
        using TensorPointers pointers = new();
        byte* from = Start(pointers, x), to = Start(pointers, normed);
        float* w = pointers.To<float>(weight), r = pointers.To<float>(scale);
        ParallelWork.ForRange(scale.size(0), columns, (first, end) =>
        {
            for (long row = first; row < end; row++)
            {
                byte* xs = from + (row * columns * TElement.Size), ys = to + (row * columns * TElement.Size);
                r[row] = 1 / MathF.Sqrt((VectorMath<TLanes, T>.Dot<TElement>(xs, xs, columns) / columns) + eps);
                T factor = TLanes.Fill(r[row]);
                int i = 0;
                for (; i <= columns - TLanes.Count; i += TLanes.Count)
                {
                    T scaled = TLanes.Multiply(Load(xs, i), factor);
                    scaled = roundsFirst ? TElement.Round<TLanes, T>(scaled) : scaled;
                    Store(TLanes.Multiply(scaled, TLanes.Load(w + i)), ys, i);
                }
                for (; i < columns; i++)
                {
                    float scaled = TElement.At(xs, i) * r[row];
                    TElement.Set(ys, i, (roundsFirst ? TElement.Round(scaled) : scaled) * w[i]);
                }
            }
        });
        return (normed.MoveToOuterDisposeScope(), scale.MoveToOuterDisposeScope());
    }

    /// <summary>With n = x r: dx = r (g w - n mean(g w n)), dw = sum over rows of g n.</summary>
    /// <param name="gradient">g, shaped like x</param>
    /// <param name="scale">r, float32 [N]</param>
    public static (Tensor X, Tensor Weight) RmsNormBackward(Tensor gradient, Tensor x, Tensor weight, Tensor scale)
    {
        const int parts = 32; // of the rows, each with its own dw; summed in order
        using var scope = NewDisposeScope();
        (gradient, x, weight) = (gradient.contiguous(), x.contiguous(), weight.contiguous());
        int columns = (int)x.size(-1);
        long rows = scale.size(0), size = (rows + parts - 1) / parts;
        Tensor dX = empty_like(x), dWeights = zeros([parts, columns], ScalarType.Float32, x.device);
        using TensorPointers pointers = new();
        byte* gs = Start(pointers, gradient), xs = Start(pointers, x), dxs = Start(pointers, dX);
        float* w = pointers.To<float>(weight), r = pointers.To<float>(scale), dws = pointers.To<float>(dWeights);
        ParallelWork.For(get_num_threads(), parts, (_, part) =>
        {
            float* dw = dws + (part * columns);
            for (long row = part * size; row < Math.Min(rows, (part + 1) * size); row++)
            {
                long at = row * columns * TElement.Size;
                byte* g = gs + at, value = xs + at, dx = dxs + at;
                T sum = default;
                int i = 0;
                for (; i <= columns - TLanes.Count; i += TLanes.Count)
                {
                    sum = TLanes.MultiplyAdd(TLanes.Multiply(Load(g, i), TLanes.Load(w + i)), Load(value, i), sum);
                }
                float mean = TLanes.Sum(sum), by = r[row];
                for (; i < columns; i++)
                {
                    mean += TElement.At(g, i) * w[i] * TElement.At(value, i);
                }
                mean = mean * by / columns;
                T bys = TLanes.Fill(by), means = TLanes.Fill(-mean);
                for (i = 0; i <= columns - TLanes.Count; i += TLanes.Count)
                {
                    T normed = TLanes.Multiply(Load(value, i), bys), its = Load(g, i);
                    Store(TLanes.Multiply(TLanes.MultiplyAdd(normed, means, TLanes.Multiply(its, TLanes.Load(w + i))), bys), dx, i);
                    TLanes.Store(TLanes.MultiplyAdd(its, normed, TLanes.Load(dw + i)), dw + i);
                }
                for (; i < columns; i++)
                {
                    float normed = TElement.At(value, i) * by, its = TElement.At(g, i);
                    TElement.Set(dx, i, ((its * w[i]) - (normed * mean)) * by);
                    dw[i] += its * normed;
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
        Tensor gated = empty_like(gate);
        using TensorPointers pointers = new();
        byte* gates = Start(pointers, gate), ups = Start(pointers, up), to = Start(pointers, gated);
        long count = gate.numel();
        ParallelWork.ForRange(count, 1, (first, end) =>
        {
            for (long at = first; at < end; at += TLanes.Count)
            {
                long i = Math.Min(at, count - TLanes.Count); // the last vector overlaps the one before
                T z = Load(gates, i);
                Store(TLanes.Multiply(TLanes.Multiply(z, VectorMath<TLanes, T>.Sigmoid(z)), Load(ups, i)), to, i);
            }
        });
        return gated.MoveToOuterDisposeScope();
    }

    /// <summary>With s = sigmoid(gate): dgate = g up s (1 + gate (1 - s)), dup = g gate s.</summary>
    public static (Tensor Gate, Tensor Up) GatedSiluBackward(Tensor gradient, Tensor gate, Tensor up)
    {
        using var scope = NewDisposeScope();
        (gradient, gate, up) = (gradient.contiguous(), gate.contiguous(), up.contiguous());
        Tensor dGate = empty_like(gate), dUp = empty_like(gate);
        using TensorPointers pointers = new();
        byte* gs = Start(pointers, gradient), gates = Start(pointers, gate), ups = Start(pointers, up);
        byte* dGates = Start(pointers, dGate), dUps = Start(pointers, dUp);
        long count = gate.numel();
        ParallelWork.ForRange(count, 1, (first, end) =>
        {
            for (long at = first; at < end; at += TLanes.Count)
            {
                long i = Math.Min(at, count - TLanes.Count);
                T z = Load(gates, i), s = VectorMath<TLanes, T>.Sigmoid(z), one = TLanes.Fill(1);
                T g = TLanes.Multiply(Load(gs, i), s), slope = TLanes.MultiplyAdd(z, TLanes.Subtract(one, s), one);
                Store(TLanes.Multiply(TLanes.Multiply(g, Load(ups, i)), slope), dGates, i);
                Store(TLanes.Multiply(g, z), dUps, i);
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
        byte* all = Start(pointers, scores);
        long* label = pointers.To<long>(labels);
        double* loss = pointers.To<double>(losses);
        if (labels.numel() != rows || new ReadOnlySpan<long>(label, checked((int)rows)).IndexOfAnyExceptInRange(0, columns - 1) >= 0)
        {
            throw new ArgumentException($"expected {rows} labels from 0 to {columns - 1}", nameof(labels));
        }
        Tensor copies = empty([get_num_threads(), TElement.Dtype == ScalarType.Float32 ? 0 : columns], ScalarType.Float32, scores.device);
        float* wide = pointers.To<float>(copies);
        ParallelWork.ForRange(rows, columns, (thread, first, end) =>
        {
            for (long row = first; row < end; row++)
            {
                byte* own = all + (row * columns * TElement.Size);
                float* z = Widened(own, columns, wide + (thread * columns));
                float right = z[label[row]];
                (float largest, float sum) = VectorMath<TLanes, T>.UnnormalizedSoftmax(z, columns);
                loss[row] = largest - right + Math.Log(sum);
                VectorMath<TLanes, T>.Scale(z, 1 / sum, columns);
                z[label[row]] -= 1;
                Narrow(z, own, columns);
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
        Tensor rotated = empty_like(x);
        using TensorPointers pointers = new();
        byte* from = Start(pointers, x), to = Start(pointers, rotated);
        float* angles = pointers.To<float>(rotation);
        // Offsets of a pair's two elements: adjacent, or half the rotary dimensions apart.
        (bool readsHalves, bool writesHalves) = (pairs == RotaryLayout.RotateHalf && !back, pairs == RotaryLayout.RotateHalf && back);
        ParallelWork.ForRange(x.size(0) * tokens, (long)heads * size, (first, end) =>
        {
            for (long token = first; token < end; token++)
            {
                long start = token * heads * size;
                float* angle = angles + (token % rotations * 2 * count);
                int pair = 0;
                for (; pair <= count - TLanes.Count; pair += TLanes.Count)
                {
                    (T cos, T sin) = TLanes.LoadPairs(angle + (2 * pair));
                    sin = back ? TLanes.Negate(sin) : sin;
                    for (int head = 0; head < heads; head++)
                    {
                        long at = start + ((long)head * size);
                        (T a, T b) = LoadPairs(from, at, pair, count, readsHalves);
                        T turned = TLanes.Subtract(TLanes.Multiply(a, cos), TLanes.Multiply(b, sin));
                        T other = TLanes.Add(TLanes.Multiply(a, sin), TLanes.Multiply(b, cos));
                        StorePairs(turned, other, to, at, pair, count, writesHalves);
                    }
                }
                for (; pair < count; pair++)
                {
                    (float cos, float sin) = (angle[2 * pair], back ? -angle[(2 * pair) + 1] : angle[(2 * pair) + 1]);
                    (int read, int readOther) = readsHalves ? (pair, pair + count) : (2 * pair, (2 * pair) + 1);
                    (int write, int writeOther) = writesHalves ? (pair, pair + count) : (2 * pair, (2 * pair) + 1);
                    for (int head = 0; head < heads; head++)
                    {
                        long at = start + ((long)head * size);
                        float a = TElement.At(from, at + read), b = TElement.At(from, at + readOther);
                        TElement.Set(to, at + write, (a * cos) - (b * sin));
                        TElement.Set(to, at + writeOther, (a * sin) + (b * cos));
                    }
                }
                for (int head = 0; head < heads && 2 * count < size; head++)
                {
                    long at = (start + ((long)head * size) + (2 * count)) * TElement.Size;
                    new ReadOnlySpan<byte>(from + at, (size - (2 * count)) * TElement.Size).CopyTo(
                        new(to + at, (size - (2 * count)) * TElement.Size));
                }
            }
        });
        return rotated.MoveToOuterDisposeScope();
    }

    private static byte* Start(TensorPointers pointers, Tensor tensor) => pointers.ToBytes(tensor, TElement.Dtype);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T Load(byte* data, long index) => TElement.Load<TLanes, T>(data, index);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(T vector, byte* data, long index) => TElement.Store<TLanes, T>(vector, data, index);

    /// <param name="start">of the head</param>
    /// <param name="isHalves">whether a pair's numbers are half the rotary dimensions apart; else they are neighbours</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (T First, T Second) LoadPairs(byte* data, long start, int pair, int pairs, bool isHalves) =>
        isHalves ? (Load(data, start + pair), Load(data, start + pairs + pair))
        : TElement.LoadPairs<TLanes, T>(data, start + (2 * pair));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StorePairs(T first, T second, byte* data, long start, int pair, int pairs, bool isHalves)
    {
        if (isHalves)
        {
            Store(first, data, start + pair);
            Store(second, data, start + pairs + pair);
        }
        else
        {
            TElement.StorePairs<TLanes, T>(first, second, data, start + (2 * pair));
        }
    }

    /// <summary>A row in float32: itself, or a copy.</summary>
    private static float* Widened(byte* row, long size, float* copy)
    {
        if (TElement.Dtype == ScalarType.Float32)
        {
            return (float*)row;
        }
        long i = 0;
        for (; i <= size - TLanes.Count; i += TLanes.Count)
        {
            TLanes.Store(Load(row, i), copy + i);
        }
        for (; i < size; i++)
        {
            copy[i] = TElement.At(row, i);
        }
        return copy;
    }

    /// <summary>Writes what was computed on a <see cref="Widened"/> row.</summary>
    private static void Narrow(float* values, byte* row, long size)
    {
        if (TElement.Dtype == ScalarType.Float32)
        {
            return;
        }
        long i = 0;
        for (; i <= size - TLanes.Count; i += TLanes.Count)
        {
            Store(TLanes.Load(values + i), row, i);
        }
        for (; i < size; i++)
        {
            TElement.Set(row, i, values[i]);
        }
    }
}
