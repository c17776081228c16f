using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Kernels;

/// <summary>
/// y = x r w with r = 1 / sqrt(mean(x^2) + eps). Keeps x and r [N, 1]; autograd would keep the square, the product x r and more.
/// Backward, with n = x r and h = g w: dw = sum over rows of g n, dx = r (h - n mean(h n)).
/// </summary>
internal sealed class RmsNormFunction : autograd.SingleTensorFunction<RmsNormFunction>
{
    // N rows, C hidden
    private const string Size = "size";

    public override string Name => nameof(RmsNormFunction);

    /// <param name="vars">x [..., C], weight [C] (what x r is multiplied with), eps and C as scalars that the caller keeps, eps as a float</param>
    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        ctx.set_materialize_grads(false);
        using var scope = NewDisposeScope();
        Tensor x = (Tensor)vars[0], weight = (Tensor)vars[1];
        if (Avx512Ops.Supports(x, weight))
        {
            (Tensor ofRows, Tensor scales) = Avx512Ops.RmsNorm(x, weight, (float)vars[4]);
            ctx.save_data(Size, vars[3]);
            ctx.save_for_backward([x, weight, scales.MoveToOuterDisposeScope()]);
            return ofRows.MoveToOuterDisposeScope();
        }
        Tensor paddedDim = x.to(ScalarType.Float32);
        Tensor scale = linalg.vector_norm(paddedDim, 2, [-1], true);
        scale = scale.mul_(scale).div_((Scalar)vars[3]).add_((Scalar)vars[2]).rsqrt_();
        ctx.save_data(Size, vars[3]);
        ctx.save_for_backward([x, weight, scale.MoveToOuterDisposeScope()]); // read after this method has returned
        Tensor normed = (paddedDim * scale).to(x.dtype).mul_(weight);
        return normed.MoveToOuterDisposeScope();
    }

    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output) => FusedKernels.RunBackward(2, 3, grad_output, () =>
    {
        List<Tensor> saved = ctx.get_saved_variables();
        Tensor x = saved[0], weight = saved[1], scale = saved[2].view(-1, 1);
        long size = x.size(-1);
        if (Avx512Ops.Supports(grad_output, x, weight))
        {
            (Tensor ofX, Tensor ofWeight) = Avx512Ops.RmsNormBackward(grad_output, x, weight, scale);
            return [ofX, ofWeight, null, null, null];
        }
        Tensor g = grad_output.reshape(-1, size).to(ScalarType.Float32);
        Tensor normed = x.reshape(-1, size).to(ScalarType.Float32) * scale; // [N, C]
        Tensor product = g * normed;
        // both sums as matrix products: they run at the speed of memory, a sum over rows does not
        Tensor weightGradient = ones([1, g.size(0)], ScalarType.Float32, g.device).mm(product).view(size);
        Tensor mean = product.mm(weight.to(ScalarType.Float32).unsqueeze(1)).div_((Scalar)ctx.get_data(Size)); // [N, 1], mean(h n)
        Tensor gradient = g.mul(weight).addcmul_(normed, mean, -1).mul_(scale);
        return [gradient.to(x.dtype).view(x.shape), weightGradient.to(weight.dtype), null, null, null];
    });
}
