using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Kernels;

/// <summary>
/// y = x W^T + b of an x that is computed again in the backward. Autograd's own product would keep x for W's gradient. That gradient is
/// added to W's own here: autograd copies what a custom backward returns.
/// </summary>
internal sealed class RecomputedLinearFunction : autograd.SingleTensorFunction<RecomputedLinearFunction>
{
    private const string Input = "input", Tensors = "tensors";

    public override string Name => nameof(RecomputedLinearFunction);

    /// <summary>x W^T + b, whose backward adds W's gradient to that of <paramref name="weight"/>.</summary>
    /// <param name="x">[..., in]</param>
    /// <param name="weight">a leaf [out, in] of x's type</param>
    /// <param name="bias">[out]</param>
    /// <returns>[..., out]</returns>
    public static Tensor Apply(Recomputable x, Tensor weight, Tensor? bias)
    {
        using var scope = NewDisposeScope();
        x.AddReader();
        object[] vars = [x.Value, weight, .. x.Sources.Select(source => source.detach()), .. bias is null ? [] : (object[])[bias], x];
        return apply(vars).MoveToOuterDisposeScope();
    }

    /// <param name="vars">x, W, what x is computed from, b if there is one, and x's <see cref="Recomputable"/></param>
    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        ctx.set_materialize_grads(false);
        var input = (Recomputable)vars[^1];
        ctx.save_data(Input, input);
        ctx.save_data(Tensors, vars.Length - 1);
        ctx.save_for_backward([.. vars[1..^1].Cast<Tensor>()]);
        Tensor? bias = vars.Length > input.Sources.Count + 3 ? (Tensor)vars[^2] : null;
        return nn.functional.linear((Tensor)vars[0], (Tensor)vars[1], bias);
    }

    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
    {
        int tensors = (int)ctx.get_data(Tensors);
        return CustomBackward.Run(tensors, 1, grad_output, () =>
        {
            List<Tensor> saved = ctx.get_saved_variables(); // W, what x is computed from, b
            var input = (Recomputable)ctx.get_data(Input);
            Tensor weight = saved[0], rows = grad_output.reshape(-1, grad_output.size(-1));
            input.Read(saved[1..(1 + input.Sources.Count)], x => AddGradient(weight, rows.t().mm(x.reshape(-1, x.size(-1)))));
            var gradients = new Tensor?[tensors + 1];
            gradients[0] = input.RequiresGrad ? grad_output.matmul(weight) : null;
            if (saved.Count > 1 + input.Sources.Count && saved[^1].requires_grad)
            {
                gradients[^2] = rows.sum([0L]);
            }
            return gradients;
        });
    }

    private static void AddGradient(Tensor leaf, Tensor gradient)
    {
        if (leaf.grad is { } sum)
        {
            sum.add_(gradient);
        }
        else
        {
            leaf.grad = gradient;
        }
    }
}
