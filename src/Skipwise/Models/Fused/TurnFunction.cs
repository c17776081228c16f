using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Models.Fused;

/// <summary>A rotation, whose backward is the rotation back: nothing but the angles is kept.</summary>
internal sealed class TurnFunction : autograd.SingleTensorFunction<TurnFunction>
{
    public override string Name => nameof(TurnFunction);

    /// <param name="vars">x [B, T, H, D], the turns complex [B or 1, T, 1, R/2], which dimensions turn together</param>
    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        ctx.set_materialize_grads(false);
        ctx.save_for_backward([(Tensor)vars[1]]);
        ctx.save_data(nameof(RotaryPairs), vars[2]);
        return Rotary.Turn((Tensor)vars[0], (Tensor)vars[1], (RotaryPairs)vars[2]);
    }

    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output) => FusedMath.Guarded(2, 1, grad_output, () =>
        [Rotary.TurnBack(grad_output, ctx.get_saved_variables()[0], (RotaryPairs)ctx.get_data(nameof(RotaryPairs))), null, null]);
}
