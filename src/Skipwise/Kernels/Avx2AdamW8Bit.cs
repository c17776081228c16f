using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using static TorchSharp.torch;

namespace Skipwise.Kernels;

/// <summary>
/// The 8-bit AdamW update in one pass over memory, for processors with AVX2: each block's moments are dequantized, updated, used and
/// quantized again while they are in the L1 cache.
/// </summary>
internal sealed unsafe class Avx2AdamW8Bit(double beta1, double beta2, double eps) : AdamW8BitUpdate
{
    private const int Block = QuantizedMoment.BlockSize, Lanes = 8;

    public override void Update(Tensor weight, Tensor gradient, QuantizedMoment first, QuantizedMoment second, AdamWStep step)
    {
        long count = weight.numel();
        using TensorPointers pointers = new();
        float* w = pointers.To<float>(weight), g = pointers.To<float>(gradient);
        MomentPointer m = new(pointers, first), v = new(pointers, second);
        ParallelWork.ForRange((count + Block - 1) / Block, Block, (from, to) =>
        {
            for (long block = from; block < to; block++)
            {
                long start = block * Block;
                if (count - start >= Block)
                {
                    Update(w + start, g + start, m.Code + start, v.Code + start, m, v, block, step);
                }
                else
                {
                    UpdateTail((int)(count - start), w + start, g + start, m.Code + start, v.Code + start, m, v, block, step);
                }
            }
        });
    }

    /// <summary>The last block, padded with zeros.</summary>
    private void UpdateTail(
        int width, float* w, float* g, byte* m, byte* v, MomentPointer first, MomentPointer second, long block, AdamWStep step)
    {
        float* weights = stackalloc float[Block], gradients = stackalloc float[Block];
        byte* means = stackalloc byte[Block], squares = stackalloc byte[Block];
        new Span<float>(weights, Block).Clear();
        new Span<float>(gradients, Block).Clear();
        new Span<byte>(means, Block).Fill(first.Zero);
        new Span<byte>(squares, Block).Fill(second.Zero);
        Copy(w, weights);
        Copy(g, gradients);
        Copy(m, means);
        Copy(v, squares);
        Update(weights, gradients, means, squares, first, second, block, step);
        Copy(weights, w);
        Copy(means, m);
        Copy(squares, v);

        void Copy<T>(T* from, T* to)
            where T : unmanaged => new ReadOnlySpan<T>(from, width).CopyTo(new(to, width));
    }

    private void Update(float* w, float* g, byte* m, byte* v, MomentPointer first, MomentPointer second, long block, AdamWStep step)
    {
        float* means = stackalloc float[Block], squares = stackalloc float[Block];
        Vector256<float> a = Vector256.Create(first.Scales[block]), b = Vector256.Create(second.Scales[block]);
        Vector256<float> largestMean = default, largestSquare = default;
        (float decay1, float decay2) = ((float)beta1, (float)beta2);
        Vector256<float> rest1 = Vector256.Create((float)(1 - beta1)), rest2 = Vector256.Create((float)(1 - beta2));
        Vector256<float> floor = Vector256.Create((float)eps), rate = Vector256.Create(step.LearningRate / step.BiasCorrection1);
        Vector256<float> whole = Vector256.Create(1 / step.BiasCorrection2Sqrt);
        for (int i = 0; i < Block; i += Lanes)
        {
            Vector256<float> gradient = Vector256.Load(g + i) * step.GradientScale;
            Vector256<float> mean = Vector256.FusedMultiplyAdd(gradient, rest1, first.Dequantize(m + i) * a * decay1);
            Vector256<float> square = Vector256.FusedMultiplyAdd(gradient * rest2, gradient, second.Dequantize(v + i) * b * decay2);
            Vector256<float> update = mean * rate / Vector256.FusedMultiplyAdd(Vector256.Sqrt(square), whole, floor);
            ((Vector256.Load(w + i) * step.DecayFactor) - update).Store(w + i);
            mean.Store(means + i);
            square.Store(squares + i);
            largestMean = Vector256.MaxNative(Vector256.Abs(mean), largestMean);
            largestSquare = Vector256.MaxNative(square, largestSquare);
        }
        first.Quantize(means, m, block, largestMean);
        second.Quantize(squares, v, block, largestSquare);
    }

    /// <summary>Pointers into a <see cref="QuantizedMoment"/>.</summary>
    private readonly struct MomentPointer(TensorPointers pointers, QuantizedMoment moment)
    {
        private readonly float* _values = pointers.To<float>(moment.Table.Values), _bounds = pointers.To<float>(moment.Table.Boundaries);
        private readonly int* _lookup = pointers.To<int>(moment.Table.BinLookup);

        public readonly byte* Code = pointers.To<byte>(moment.Codes);
        public readonly float* Scales = pointers.To<float>(moment.Absmax);
        public readonly byte Zero = moment.Table.ZeroCode;

        public Vector256<float> Dequantize(byte* code) => Avx2.GatherVector256(_values, Avx2.ConvertToVector256Int32(code), sizeof(float));

        public void Quantize(float* numbers, byte* code, long block, Vector256<float> largest)
        {
            float scale = 0;
            for (int lane = 0; lane < Lanes; lane++)
            {
                scale = Math.Max(scale, largest[lane]);
            }
            Scales[block] = scale;
            Vector256<float> factor = Vector256.Create(1 / Math.Max(scale, DynamicQuantizationMap.MinScale));
            for (int i = 0; i < Block; i += Lanes)
            {
                Vector256<float> x = Vector256.Load(numbers + i) * factor;
                Vector256<int> guess = Avx2.GatherVector256(
                    _lookup, Vector256.ShiftRightLogical(x.AsInt32(), DynamicQuantizationMap.BinShift), sizeof(int));
                Vector256<float> isAbove = Vector256.GreaterThan(x, Avx2.GatherVector256(_bounds, guess, sizeof(float)));
                Vector256<int> index = guess - isAbove.AsInt32(); // true is -1
                Vector128<ushort> halves = Vector128.Narrow(index.GetLower().AsUInt32(), index.GetUpper().AsUInt32());
                *(ulong*)(code + i) = Vector128.Narrow(halves, halves).AsUInt64().ToScalar();
            }
        }
    }
}
