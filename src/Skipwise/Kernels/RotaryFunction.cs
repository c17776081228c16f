using Skipwise.Rope;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Kernels;

/// <summary>A rotation, whose backward is the rotation back: nothing but the angles is kept.</summary>
internal sealed class RotaryFunction : autograd.SingleTensorFunction<RotaryFunction>
{
    public override string Name => nameof(RotaryFunction);

    /// <param name="vars">x [B, T, H, D], the turns complex [B or 1, T, 1, R/2], which dimensions turn together</param>
    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        ctx.set_materialize_grads(false);
        ctx.save_for_backward([(Tensor)vars[1]]);
        ctx.save_data(nameof(RotaryLayout), vars[2]);
        return Rotate((Tensor)vars[0], (Tensor)vars[1], (RotaryLayout)vars[2]);
    }

    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output) => FusedKernels.RunBackward(2, 1, grad_output, () =>
        [RotateBackward(grad_output, ctx.get_saved_variables()[0], (RotaryLayout)ctx.get_data(nameof(RotaryLayout))), null, null]);

    /// <summary>
    /// Rotates each pair of the rotary dimensions as one complex number and leaves the pairs side by side, even if they came from two halves.
    /// </summary>
    /// <param name="x">[B, T, H, D]</param>
    /// <param name="rotation">complex64 [B or 1, T, 1, R/2]</param>
    /// <param name="layout">which dimensions turn together</param>
    public static Tensor Rotate(Tensor x, Tensor rotation, RotaryLayout layout)
    {
        if (!FusedKernels.UsesReference && Avx512Ops.Supports(x))
        {
            return Avx512Ops.Rotate(x, rotation, layout, back: false);
        }
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

    /// <summary>The gradient of <see cref="Rotate"/>: turns by the opposite angles and puts every dimension back into its place.</summary>
    /// <param name="gradient">[B, T, H, D]</param>
    public static Tensor RotateBackward(Tensor gradient, Tensor rotation, RotaryLayout layout)
    {
        if (Avx512Ops.Supports(gradient))
        {
            return Avx512Ops.Rotate(gradient, rotation, layout, back: true);
        }
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
}
