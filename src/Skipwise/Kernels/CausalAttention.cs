using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Kernels;

/// <summary>Causal attention by a kernel with a custom backward, which takes window and document lengths instead of a bias.</summary>
/// <param name="kernels">set with the kernel</param>
/// <param name="window">W, if it is shorter than the text</param>
/// <param name="documents">lengths of documents packed into one row; empty: a row is one document</param>
/// <param name="withoutGraph">plan for calls without a gradient; null: the same kernel</param>
internal sealed class CausalAttention(CpuKernels kernels, int? window, int[] documents, AttentionPlan? withoutGraph) : AttentionPlan
{
    public override Tensor Attend(Tensor query, Tensor key, Tensor value)
    {
        bool isTracked = KernelSet.IsTracked(query, key, value);
        if (!isTracked && withoutGraph is not null)
        {
            return withoutGraph.Attend(query, key, value);
        }
        using var scope = NewDisposeScope();
        Tensor output = isTracked
            ? CausalAttentionFunction.apply(query, key, value, documents, window ?? 0, kernels)
            : CausalAttentionFunction.Attend(kernels, query, key, value, documents, window).Output;
        return output.MoveToOuterDisposeScope();
    }
}
