using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Kernels;

/// <summary>y = silu(gate) up. Keeps gate and up alone: silu(gate) is computed again in the backward, which costs less than its memory.</summary>
internal sealed class GatedSiluFunction : autograd.SingleTensorFunction<GatedSiluFunction>
{
    public override string Name => nameof(GatedSiluFunction);

    /// <param name="vars">gate and up, of one shape</param>
    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        ctx.set_materialize_grads(false);
        Tensor gate = (Tensor)vars[0], up = (Tensor)vars[1];
        ctx.save_for_backward([gate, up]);
        return Avx512Ops.Supports(gate, up) ? Avx512Ops.GatedSilu(gate, up) : nn.functional.silu(gate).mul_(up);
    }

    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output) => FusedKernels.RunBackward(2, 0, grad_output, () =>
    {
        List<Tensor> saved = ctx.get_saved_variables();
        if (Avx512Ops.Supports(grad_output, saved[0], saved[1]))
        {
            (Tensor ofGate, Tensor ofUp) = Avx512Ops.GatedSiluBackward(grad_output, saved[0], saved[1]);
            return [ofGate, ofUp];
        }
        Tensor gate = saved[0].detach().requires_grad_(), up = saved[1];
        Tensor activated;
        using (enable_grad())
        {
            activated = nn.functional.silu(gate);
        }
        Tensor gateGradient = autograd.grad([activated], [gate], [grad_output * up])[0]; // libtorch's own silu backward, one pass
        return [gateGradient, activated.detach().mul_(grad_output)];
    });
}
