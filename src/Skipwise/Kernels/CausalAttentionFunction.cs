using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Kernels;

/// <summary>
/// Autograd function of causal attention, over one sequence per row or several packed documents, by a kernel of the set. It saves the
/// inputs, the output, and the log-sum-exp of each query and head.
/// </summary>
internal sealed class CausalAttentionFunction : autograd.SingleTensorFunction<CausalAttentionFunction>
{
    // T = S during training
    private const string Documents = "documents", Window = "window", Kernels = "kernels";

    public override string Name => nameof(CausalAttentionFunction);

    /// <param name="vars">query [B, T, H, D], key, value [B, T, K, D]; the documents' lengths (int[], summing to T; none: a row is one
    /// document); the window (int, 0: all); <see cref="CpuKernels"/></param>
    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        ctx.set_materialize_grads(false);
        using var scope = NewDisposeScope();
        Tensor query = ((Tensor)vars[0]).contiguous(), key = ((Tensor)vars[1]).contiguous(), value = ((Tensor)vars[2]).contiguous();
        (var documents, var window, var kernels) = ((int[])vars[3], (int)vars[4], (CpuKernels)vars[5]);
        (Tensor output, Tensor lse) = Attend(kernels, query, key, value, documents, window > 0 ? window : null);
        Tensor[] kept = [query, key, value, output, lse];
        ctx.save_for_backward([.. kept.Select(tensor => tensor.MoveToOuterDisposeScope())]); // read after this method has returned
        ctx.save_data(Documents, documents);
        ctx.save_data(Window, window);
        ctx.save_data(Kernels, kernels);
        return output;
    }

    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output) => CustomBackward.Run(3, 3, grad_output, () =>
    {
        List<Tensor> saved = ctx.get_saved_variables();
        (var documents, var kernels) = ((int[])ctx.get_data(Documents), (CpuKernels)ctx.get_data(Kernels));
        int? window = (int)ctx.get_data(Window) is var limit and > 0 ? limit : null;
        Tensor gradient = grad_output.contiguous();
        if (documents.Length == 0)
        {
            (Tensor q, Tensor k, Tensor v) = kernels.AttentionBackward(gradient, saved[0], saved[1], saved[2], saved[3], saved[4], window);
            return [q, k, v, null, null, null];
        }
        Tensor query = empty_like(saved[0]), key = empty_like(saved[1]), value = empty_like(saved[2]);
        ForEach(documents, (start, length) =>
        {
            Tensor Of(Tensor x) => x.narrow(1, start, length).contiguous();
            (Tensor q, Tensor k, Tensor v) = kernels.AttentionBackward(
                Of(gradient), Of(saved[0]), Of(saved[1]), Of(saved[2]), Of(saved[3]), Of(saved[4]), window);
            query.narrow(1, start, length).copy_(q);
            key.narrow(1, start, length).copy_(k);
            value.narrow(1, start, length).copy_(v);
        });
        return [query, key, value, null, null, null];
    });

    /// <summary>The forward alone.</summary>
    /// <returns>the output [B, T, H, D], and the log-sum-exp of every query's scores [B, T, H]</returns>
    public static (Tensor Output, Tensor Lse) Attend(
        CpuKernels kernels, Tensor query, Tensor key, Tensor value, int[] documents, int? window)
    {
        if (documents.Length == 0)
        {
            return kernels.AttentionForward(query, key, value, window);
        }
        using var scope = NewDisposeScope();
        Tensor output = empty(query.shape, query.dtype, query.device), lse = empty(query.shape[..^1], ScalarType.Float32, query.device);
        ForEach(documents, (start, length) =>
        {
            Tensor Of(Tensor x) => x.narrow(1, start, length);
            (Tensor part, Tensor partLse) = kernels.AttentionForward(
                Of(query).contiguous(), Of(key).contiguous(), Of(value).contiguous(), window);
            Of(output).copy_(part);
            Of(lse).copy_(partLse);
        });
        return (output.MoveToOuterDisposeScope(), lse.MoveToOuterDisposeScope());
    }

    private static void ForEach(int[] documents, Action<long, long> visit)
    {
        long start = 0;
        foreach (int length in documents)
        {
            using var scope = NewDisposeScope();
            visit(start, length);
            start += length;
        }
    }
}
