using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Models.Fused;

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
        return RowMath.Serves(gate, up) ? RowMath.GatedSilu(gate, up) : nn.functional.silu(gate).mul_(up);
    }

    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output) => FusedMath.Guarded(2, 0, grad_output, () =>
    {
        List<Tensor> saved = ctx.get_saved_variables();
        if (RowMath.Serves(grad_output, saved[0], saved[1]))
        {
            (Tensor ofGate, Tensor ofUp) = RowMath.GatedSiluBackward(grad_output, saved[0], saved[1]);
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
