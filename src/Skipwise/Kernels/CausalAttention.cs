using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Kernels;

/// <summary>
/// Attention by a kernel that takes the rule itself, window and documents, instead of a bias, and has a backward of its own.
/// </summary>
/// <param name="kernels">whose kernel it is</param>
/// <param name="window">W, where it is shorter than the text</param>
/// <param name="documents">lengths of documents that lie end to end in one row; empty: a row is one document</param>
/// <param name="withoutGraph">what attends where nobody asks for a gradient; null: the kernel too</param>
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
