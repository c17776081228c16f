using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Kernels;

/// <summary>
/// y = silu(gate) up. Saves only gate and up: silu(gate) is recomputed in the backward, which costs less than its memory.
/// </summary>
internal sealed class GatedSiluFunction : autograd.SingleTensorFunction<GatedSiluFunction>
{
    private const string Kernels = "kernels";

    public override string Name => nameof(GatedSiluFunction);

    /// <param name="vars">gate and up, of one shape, <see cref="CpuKernels"/></param>
    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        ctx.set_materialize_grads(false);
        (Tensor gate, Tensor up) = ((Tensor)vars[0], (Tensor)vars[1]);
        ctx.save_for_backward([gate, up]);
        ctx.save_data(Kernels, vars[2]);
        return ((CpuKernels)vars[2]).GatedSiluForward(gate, up);
    }

    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output) => CustomBackward.Run(2, 1, grad_output, () =>
    {
        List<Tensor> saved = ctx.get_saved_variables();
        (Tensor dGate, Tensor dUp) = ((CpuKernels)ctx.get_data(Kernels)).GatedSiluBackward(grad_output, saved[0], saved[1]);
        return [dGate, dUp, null];
    });
}
