using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Kernels;

/// <summary>
/// y = x W^T with a quantized W, which is dequantized for the product and again for its backward. Autograd's own product would keep every
/// dequantized weight until the backward.
/// </summary>
internal sealed class QuantizedLinearFunction : autograd.SingleTensorFunction<QuantizedLinearFunction>
{
    private const string Dequantize = "dequantize";

    public override string Name => nameof(QuantizedLinearFunction);

    /// <param name="vars">x [..., in], the function that dequantizes the weight (Func&lt;Tensor&gt;)</param>
    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        ctx.set_materialize_grads(false);
        using var scope = NewDisposeScope();
        ctx.save_data(Dequantize, vars[1]);
        return nn.functional.linear((Tensor)vars[0], ((Func<Tensor>)vars[1])()).MoveToOuterDisposeScope();
    }

    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output) => CustomBackward.Run(1, 1, grad_output, () =>
        [grad_output.matmul(((Func<Tensor>)ctx.get_data(Dequantize))()), null]);
}
