using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Kernels;

/// <summary>
/// y = x r w with r = 1 / sqrt(mean(x^2) + eps). Saves x and r [N, 1]; autograd would save the square, the product x r and more.
/// </summary>
internal sealed class RmsNormFunction : autograd.SingleTensorFunction<RmsNormFunction>
{
    // N rows, C hidden
    private const string Options = "options", Kernels = "kernels";

    public override string Name => nameof(RmsNormFunction);

    /// <param name="vars">x [..., C], the factor of x r [C], <see cref="RmsNormOptions"/>, <see cref="CpuKernels"/></param>
    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        ctx.set_materialize_grads(false);
        using var scope = NewDisposeScope();
        (Tensor x, Tensor factor) = ((Tensor)vars[0], (Tensor)vars[1]);
        (Tensor normed, Tensor scale) = ((CpuKernels)vars[3]).RmsNormForward(x, factor, (RmsNormOptions)vars[2]);
        ctx.save_data(Options, vars[2]);
        ctx.save_data(Kernels, vars[3]);
        ctx.save_for_backward([x, factor, scale.MoveToOuterDisposeScope()]); // read after this method has returned
        return normed.MoveToOuterDisposeScope();
    }

    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output) => CustomBackward.Run(2, 2, grad_output, () =>
    {
        List<Tensor> saved = ctx.get_saved_variables();
        (Tensor dX, Tensor dFactor) = ((CpuKernels)ctx.get_data(Kernels)).RmsNormBackward(
            grad_output, saved[0], saved[1], saved[2].view(-1, 1), (RmsNormOptions)ctx.get_data(Options));
        return [dX, dFactor, null, null];
    });
}
