using System.Numerics;
using System.Runtime.InteropServices;
using Skipwise.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Kernels;

/// <summary>
/// y = x W^T + b in float32 with a frozen half-precision W, for few rows of x. Every element of W converts exactly, so the result is that
/// of a float32 weight in half its memory. With many rows of x, converting W before the product costs little. With few rows the time is
/// that of reading W, which 16-bit rows converted in the cache halve.
/// </summary>
internal static class HalfWeightLinear
{
    /// <summary>rows of x up to which W is converted row by row; with more, libtorch's product is faster</summary>
    public const int RowwiseLimit = 2;

    private const int RowsAtOnce = 32; // of W, per unit of work

    /// <summary>Whether x has so few rows.</summary>
    public static bool IsWorthwhile(Tensor x, Tensor weight) => x.numel() <= RowwiseLimit * weight.size(1);

    /// <param name="x">float32 [..., in], without a graph</param>
    /// <param name="weight">float16 or bfloat16 [out, in]</param>
    /// <param name="bias">[out]</param>
    /// <returns>[..., out]</returns>
    public static Tensor Apply(Tensor x, Tensor weight, Tensor? bias)
    {
        using var scope = NewDisposeScope();
        Tensor y = empty([.. x.shape[..^1], weight.size(0)], x.dtype, x.device);
        HalfFloats.ElementConversion widen = weight.dtype == ScalarType.BFloat16 ? HalfFloats.WidenBFloat16 : HalfFloats.WidenFloat16;
        Multiply(x.contiguous(), weight.contiguous(), y, widen);
        return (bias is null ? y : y.add_(bias)).MoveToOuterDisposeScope();
    }

    /// <summary>Every element of y is one dot product; threads share the rows of W.</summary>
    private static unsafe void Multiply(Tensor x, Tensor weight, Tensor y, HalfFloats.ElementConversion widen)
    {
        int inputs = (int)weight.size(1), outputs = (int)weight.size(0), rows = (int)(x.numel() / inputs);
        using TensorPointers pointers = new();
        float* input = pointers.To<float>(x), output = pointers.To<float>(y);
        ushort* matrix = pointers.To<ushort>(weight);
        int threads = get_num_threads();
        float[][] wides = [.. Enumerable.Range(0, threads).Select(_ => new float[inputs])];
        ParallelWork.For(threads, (outputs + RowsAtOnce - 1) / RowsAtOnce, (thread, piece) =>
        {
            for (int row = piece * RowsAtOnce; row < Math.Min(outputs, (piece + 1) * RowsAtOnce); row++)
            {
                widen(new ReadOnlySpan<ushort>(matrix + ((long)row * inputs), inputs), wides[thread]);
                for (int i = 0; i < rows; i++)
                {
                    output[((long)i * outputs) + row] = Dot(wides[thread], new ReadOnlySpan<float>(input + ((long)i * inputs), inputs));
                }
            }
        });
    }

    private static float Dot(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        ReadOnlySpan<Vector<float>> first = MemoryMarshal.Cast<float, Vector<float>>(a);
        ReadOnlySpan<Vector<float>> second = MemoryMarshal.Cast<float, Vector<float>>(b);
        // Four accumulators: an addition waits for the one before it.
        Vector<float> sum0 = default, sum1 = default, sum2 = default, sum3 = default;
        int i = 0;
        for (; i <= first.Length - 4; i += 4)
        {
            sum0 = Vector.FusedMultiplyAdd(first[i], second[i], sum0);
            sum1 = Vector.FusedMultiplyAdd(first[i + 1], second[i + 1], sum1);
            sum2 = Vector.FusedMultiplyAdd(first[i + 2], second[i + 2], sum2);
            sum3 = Vector.FusedMultiplyAdd(first[i + 3], second[i + 3], sum3);
        }
        for (; i < first.Length; i++)
        {
            sum0 = Vector.FusedMultiplyAdd(first[i], second[i], sum0);
        }
        float sum = Vector.Sum(sum0 + sum1 + (sum2 + sum3));
        for (int rest = first.Length * Vector<float>.Count; rest < a.Length; rest++)
        {
            sum += a[rest] * b[rest];
        }
        return sum;
    }
}
