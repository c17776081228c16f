using Skipwise.Models.Fused;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Models.Lora;

/// <summary>
/// y = x W^T with a packed W: unpacked for the product and again for its backward, so that no graph holds it. Autograd's own product
/// would keep every unpacked weight until the backward. On the CPU alone: see <see cref="DevicePath"/>.
/// </summary>
internal sealed class PackedLinear : autograd.SingleTensorFunction<PackedLinear>
{
    private const string Weight = "weight";

    public override string Name => nameof(PackedLinear);

    /// <param name="vars">x [..., in], <see cref="PackedWeight"/></param>
    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        ctx.set_materialize_grads(false);
        using var scope = NewDisposeScope();
        var weight = (PackedWeight)vars[1];
        ctx.save_data(Weight, weight);
        return nn.functional.linear((Tensor)vars[0], weight.Unpack()).MoveToOuterDisposeScope();
    }

    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output) => FusedMath.Guarded(1, 1, grad_output, () =>
        [grad_output.matmul(((PackedWeight)ctx.get_data(Weight)).Unpack()), null]);
}
