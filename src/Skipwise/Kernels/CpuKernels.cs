using System.Runtime.Intrinsics.X86;
using Skipwise.Rope;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Skipwise.Kernels;

/// <summary>
/// Kernels for the CPU, for every processor and type. Its ops have a custom backward: fewer passes over memory and fewer saved tensors than
/// autograd needs for the formula.
/// </summary>
internal class CpuKernels : ReferenceKernels
{
    public override int GatedSiluSaves => 2; // gate and up

    public override bool RecomputesInputs => true;

    protected override bool Supports(DeviceType device, ScalarType dtype) => device == DeviceType.CPU;

    public override Tensor RmsNorm(Tensor x, Tensor weight, RmsNormOptions options)
    {
        if (!IsTracked(x))
        {
            return base.RmsNorm(x, weight, options);
        }
        using var scope = NewDisposeScope();
        return RmsNormFunction.apply(x, options.Factor(weight.to(ScalarType.Float32)), options, this).MoveToOuterDisposeScope();
    }

    public override Tensor Rotate(Tensor x, Tensor rotation, RotaryLayout layout) =>
        IsTracked(x) ? RotaryFunction.apply(x, rotation, layout, this) : RotateForward(x, rotation, layout);

    public override Tensor GatedSilu(Tensor gate, Tensor up) =>
        IsTracked(gate) ? GatedSiluFunction.apply(gate, up, this) : base.GatedSilu(gate, up);

    public override Tensor Linear(Tensor x, Tensor weight, Tensor? bias) =>
        weight.dtype != x.dtype && HalfWeightLinear.IsWorthwhile(x, weight) && !IsTracked(x)
            ? HalfWeightLinear.Apply(x, weight, bias)
            : base.Linear(x, weight, bias);

    public override Tensor Linear(Recomputable x, Tensor weight, Tensor? bias) =>
        x.IsRecomputed && IsTracked(weight) && weight.is_leaf && weight.dtype == x.Value.dtype
            ? RecomputedLinearFunction.Apply(x, weight, bias)
            : base.Linear(x, weight, bias);

    public override Tensor QuantizedLinear(Tensor x, Func<Tensor> dequantize) => QuantizedLinearFunction.apply(x, dequantize);

    public override int RecomputeEvery(int asked, Func<bool> isQuantized) => asked;

    public override AttentionPlan PlanAttention(int queries, int cached, int? window, int[] documents, ScalarType dtype, Device device)
    {
        var masked = MaskedAttention.Create(queries, cached, window, documents, dtype, device, repeatsHeads: false);
        return masked.IsCausal ? new CausalAttention(this, null, documents, withoutGraph: masked) : masked;
    }

    public override AttentionPlan PlanRaggedAttention(Tensor queries, int keys, int? window, ScalarType dtype) =>
        MaskedAttention.CreateRagged(queries, keys, window, dtype, repeatsHeads: false);

    public override Tensor LinearCrossEntropy(Tensor hidden, Parameter weight, Tensor targets, double divisor, long chunk, Tensor total,
        CancellationToken stop = default) =>
        ChunkedCrossEntropy.Backward(hidden, weight, targets, divisor, chunk, total, LogitsGradient, stop);

    public override AdamW8BitUpdate CreateAdamW8Bit(double beta1, double beta2, double eps) =>
        Avx2.IsSupported && Fma.IsSupported ? new Avx2AdamW8Bit(beta1, beta2, eps) : base.CreateAdamW8Bit(beta1, beta2, eps);

    // Forward and backward of the autograd functions.

    /// <param name="factor">float32 [C], the weight plus its offset: a sum that 16 bits would round</param>
    /// <returns>the norm, shaped like x, and r = 1 / sqrt(mean(x^2) + eps), one element per row</returns>
    public virtual (Tensor Normed, Tensor Scale) RmsNormForward(Tensor x, Tensor factor, RmsNormOptions options)
    {
        using var scope = NewDisposeScope();
        Tensor wide = x.to(ScalarType.Float32);
        Tensor scale = linalg.vector_norm(wide, 2, [-1], true);
        scale = scale.mul_(scale).div_(options.Size).add_(options.EpsScalar).rsqrt_();
        Tensor normed = (wide * scale).to(x.dtype).mul_(factor);
        return (normed.MoveToOuterDisposeScope(), scale.MoveToOuterDisposeScope());
    }

    /// <summary>With n = x r and h = g w: dw = sum over rows of g n, dx = r (h - n mean(h n)).</summary>
    /// <param name="scale">r [N, 1]</param>
    public virtual (Tensor X, Tensor Factor) RmsNormBackward(
        Tensor gradient, Tensor x, Tensor factor, Tensor scale, RmsNormOptions options)
    {
        using var scope = NewDisposeScope();
        long size = x.size(-1);
        Tensor g = gradient.reshape(-1, size).to(ScalarType.Float32);
        Tensor normed = x.reshape(-1, size).to(ScalarType.Float32) * scale; // [N, C]
        Tensor product = g * normed;
        // both sums as matrix products: they run at memory bandwidth, a sum over rows does not
        Tensor dFactor = ones([1, g.size(0)], ScalarType.Float32, g.device).mm(product).view(size);
        Tensor mean = product.mm(factor.to(ScalarType.Float32).unsqueeze(1)).div_(options.Size); // [N, 1], mean(h n)
        Tensor dX = g.mul(factor).addcmul_(normed, mean, -1).mul_(scale);
        return (dX.to(x.dtype).view(x.shape).MoveToOuterDisposeScope(), dFactor.to(factor.dtype).MoveToOuterDisposeScope());
    }

    /// <inheritdoc cref="KernelSet.Rotate"/>
    public virtual Tensor RotateForward(Tensor x, Tensor rotation, RotaryLayout layout) => base.Rotate(x, rotation, layout);

    /// <summary>Gradient of <see cref="RotateForward"/>: rotates by the opposite angles and restores the order of the dimensions.</summary>
    /// <param name="gradient">[B, T, H, D]</param>
    public virtual Tensor RotateBackward(Tensor gradient, Tensor rotation, RotaryLayout layout)
    {
        using var scope = NewDisposeScope();
        long pairs = rotation.size(-1), rotary = 2 * pairs, dim = gradient.size(-1);
        Tensor real = gradient.narrow(-1, 0, rotary).to(ScalarType.Float32).reshape([.. gradient.shape[..^1], pairs, 2]);
        Tensor rotated = view_as_complex(real) * rotation.conj();
        Tensor sides = view_as_real(rotated); // [..., R/2, 2]
        Tensor placed = (layout == RotaryLayout.RotateHalf ? sides.transpose(-1, -2) : sides).flatten(-2).to(gradient.dtype);
        if (rotary < dim)
        {
            placed = cat([placed, gradient.narrow(-1, rotary, dim - rotary)], -1);
        }
        return placed.MoveToOuterDisposeScope();
    }

    public virtual Tensor GatedSiluForward(Tensor gate, Tensor up) => nn.functional.silu(gate).mul_(up);

    public virtual (Tensor Gate, Tensor Up) GatedSiluBackward(Tensor gradient, Tensor gate, Tensor up)
    {
        using var scope = NewDisposeScope();
        Tensor leaf = gate.detach().requires_grad_();
        Tensor activated;
        using (enable_grad())
        {
            activated = nn.functional.silu(leaf);
        }
        Tensor dGate = autograd.grad([activated], [leaf], [gradient * up])[0]; // libtorch's own silu backward, one pass
        return (dGate.MoveToOuterDisposeScope(), activated.detach().mul_(gradient).MoveToOuterDisposeScope());
    }

    /// <param name="query">[N, T, H, D], contiguous</param>
    /// <param name="key">[N, S, K, D], as value</param>
    /// <param name="window">null: all</param>
    /// <returns>the output [N, T, H, D], and the log-sum-exp of every query's scores [N, T, H]</returns>
    public virtual (Tensor Output, Tensor Lse) AttentionForward(Tensor query, Tensor key, Tensor value, int? window) =>
        BlockwiseAttention.Forward(query, key, value);

    public virtual (Tensor Query, Tensor Key, Tensor Value) AttentionBackward(
        Tensor gradient, Tensor query, Tensor key, Tensor value, Tensor output, Tensor lse, int? window) =>
        BlockwiseAttention.Backward(gradient, query, key, value, output, lse);

    /// <inheritdoc cref="ChunkedCrossEntropy.LogitsGradient"/>
    protected virtual Tensor LogitsGradient(Tensor logits, Tensor labels, Tensor total) =>
        ChunkedCrossEntropy.LogitsGradient(logits, labels, total);
}
