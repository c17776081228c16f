using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Models.Fused;

/// <summary>A rotation, whose backward is the rotation back: nothing but the angles is kept.</summary>
internal sealed class TurnFunction : autograd.SingleTensorFunction<TurnFunction>
{
    public override string Name => nameof(TurnFunction);

    /// <param name="vars">x [B, T, H, D] and the <see cref="Rotary"/></param>
    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        ctx.set_materialize_grads(false);
        ctx.save_data(nameof(Rotary), vars[1]);
        return ((Rotary)vars[1]).Turn((Tensor)vars[0]);
    }

    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output) => FusedMath.Guarded(2, grad_output, () =>
        [((Rotary)ctx.get_data(nameof(Rotary))).TurnBack(grad_output), null]);
}
