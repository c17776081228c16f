using Skipwise.Models;
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
        return Rotary.Rotate((Tensor)vars[0], (Tensor)vars[1], (RotaryLayout)vars[2]);
    }

    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output) => FusedKernels.RunBackward(2, 1, grad_output, () =>
        [Rotary.RotateBackward(grad_output, ctx.get_saved_variables()[0], (RotaryLayout)ctx.get_data(nameof(RotaryLayout))), null, null]);
}
