using Skipwise.Rope;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Kernels;

/// <summary>A rotation, whose backward is the inverse rotation: only the angles are saved.</summary>
internal sealed class RotaryFunction : autograd.SingleTensorFunction<RotaryFunction>
{
    private const string Layout = "layout", Kernels = "kernels";

    public override string Name => nameof(RotaryFunction);

    /// <param name="vars">x [B, T, H, D], the rotation complex [B or 1, T, 1, R/2], <see cref="RotaryLayout"/>,
    /// <see cref="CpuKernels"/></param>
    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        ctx.set_materialize_grads(false);
        ctx.save_for_backward([(Tensor)vars[1]]);
        ctx.save_data(Layout, vars[2]);
        ctx.save_data(Kernels, vars[3]);
        return ((CpuKernels)vars[3]).RotateForward((Tensor)vars[0], (Tensor)vars[1], (RotaryLayout)vars[2]);
    }

    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output) => CustomBackward.Run(2, 2, grad_output, () =>
    {
        Tensor rotation = ctx.get_saved_variables()[0];
        var kernels = (CpuKernels)ctx.get_data(Kernels);
        return [kernels.RotateBackward(grad_output, rotation, (RotaryLayout)ctx.get_data(Layout)), null, null, null];
    });
}
