using Skipwise.Kernels;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Models.Quantization;

/// <summary>
/// y = x W^T with a packed W: unpacked for the product and again for its backward, so that no graph holds it. Autograd's own product
/// would keep every unpacked weight until the backward. On the CPU alone: see <see cref="TorchKernels"/>.
/// </summary>
internal sealed class QuantizedLinear : autograd.SingleTensorFunction<QuantizedLinear>
{
    private const string Weight = "weight";

    public override string Name => nameof(QuantizedLinear);

    /// <param name="vars">x [..., in], <see cref="QuantizedWeight"/></param>
    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        ctx.set_materialize_grads(false);
        using var scope = NewDisposeScope();
        var weight = (QuantizedWeight)vars[1];
        ctx.save_data(Weight, weight);
        return nn.functional.linear((Tensor)vars[0], weight.Dequantize()).MoveToOuterDisposeScope();
    }

    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output) => FusedKernels.RunBackward(1, 1, grad_output, () =>
        [grad_output.matmul(((QuantizedWeight)ctx.get_data(Weight)).Dequantize()), null]);
}
