using Skipwise.Rope;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Skipwise.Kernels;

/// <summary>The reference implementation. Other sets inherit what they do not improve.</summary>
internal class ReferenceKernels : KernelSet
{
    protected override bool Supports(DeviceType device, ScalarType dtype) => true;

    public override Tensor Embedding(Tensor weight, Tensor ids) =>
        weight.index_select(0, ids.flatten()).view(ids.size(0), ids.size(1), -1);

    public override Tensor RmsNorm(Tensor x, Tensor weight, RmsNormOptions options)
    {
        using var scope = NewDisposeScope();
        Tensor wide = x.to(ScalarType.Float32);
        Tensor scale = (wide * wide).mean([-1L], keepdim: true).add(options.EpsScalar).rsqrt();
        // in half precision the order of rounding is the family's: Llama multiplies by the weight after rounding, Gemma before
        Tensor normed = options.HasOffset
            ? (wide * scale).mul(options.Factor(weight.to(ScalarType.Float32))).to(x.dtype)
            : (wide * scale).to(x.dtype).mul(weight);
        return normed.MoveToOuterDisposeScope();
    }

    public override Tensor Rotate(Tensor x, Tensor rotation, RotaryLayout layout)
    {
        using var scope = NewDisposeScope();
        long pairs = rotation.size(-1), rotary = 2 * pairs, dim = x.size(-1);
        (Tensor real, Tensor imaginary) = layout == RotaryLayout.RotateHalf
            ? (x.narrow(-1, 0, pairs), x.narrow(-1, pairs, pairs))
            : (x.slice(-1, 0, rotary, 2), x.slice(-1, 1, rotary, 2));
        if (x.dtype != ScalarType.Float32)
        {
            real = real.to(ScalarType.Float32);
            imaginary = imaginary.to(ScalarType.Float32);
        }
        Tensor rotated = view_as_real(complex(real, imaginary) * rotation).flatten(-2).to(x.dtype);
        if (rotary < dim)
        {
            rotated = cat([rotated, x.narrow(-1, rotary, dim - rotary)], -1);
        }
        return rotated.MoveToOuterDisposeScope();
    }

    public override Tensor GatedSilu(Tensor gate, Tensor up)
    {
        using var scope = NewDisposeScope();
        return (nn.functional.silu(gate) * up).MoveToOuterDisposeScope();
    }

    public override Tensor Linear(Tensor x, Tensor weight, Tensor? bias)
    {
        if (weight.dtype == x.dtype)
        {
            return nn.functional.linear(x, weight, bias);
        }
        using var scope = NewDisposeScope();
        return nn.functional.linear(x, weight.to(x.dtype), bias?.to(x.dtype)).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    /// <remarks>The graph holds the dequantized weight.</remarks>
    public override Tensor QuantizedLinear(Tensor x, Func<Tensor> dequantize)
    {
        using var scope = NewDisposeScope();
        return nn.functional.linear(x, dequantize()).MoveToOuterDisposeScope();
    }

    public override int RecomputeEvery(int asked, Func<bool> isQuantized) =>
        asked != 1 && isQuantized() ? 1 : asked; // dequantized weights of one layer at a time, then

    public override AttentionPlan PlanAttention(int queries, int cached, int? window, int[] documents, ScalarType dtype, Device device) =>
        MaskedAttention.Create(queries, cached, window, documents, dtype, device, repeatsHeads: true);

    public override AttentionPlan PlanRaggedAttention(Tensor queries, int keys, int? window, ScalarType dtype) =>
        MaskedAttention.CreateRagged(queries, keys, window, dtype, repeatsHeads: true);

    /// <inheritdoc/>
    /// <remarks>A matrix [T, T] for a sliding window shorter than the text, and two of one byte per element while it is made.</remarks>
    public override long AttentionPlanBytes(int queries, int? window) => window < queries ? (sizeof(float) + 2L) * queries * queries : 0;

    public override Tensor LinearCrossEntropy(Tensor hidden, Parameter weight, Tensor targets, double divisor, long chunk, Tensor total,
        CancellationToken stop = default) =>
        ChunkedCrossEntropy.BackwardByAutograd(
            states => Linear(states, weight, null), [weight], zLossWeight: 0, hidden, targets, divisor, chunk, total, stop);

    public override int ScoreCopies => 3; // libtorch's softmax needs a second copy, and a temporary one

    public override AdamW8BitUpdate CreateAdamW8Bit(double beta1, double beta2, double eps) => new TorchAdamW8Bit(beta1, beta2, eps);
}
