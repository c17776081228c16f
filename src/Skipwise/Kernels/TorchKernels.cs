using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Skipwise.Kernels;

/// <summary>
/// Kernels for every device but the CPU: libtorch's own operations, forward and backward. A backward written in C# would run on libtorch's
/// thread for that device. That thread has no dispose scope: gradients would live until the garbage collector runs, and might be freed
/// while libtorch still reads them. Nothing here needs a GPU: the tests run the same path on the CPU.
/// </summary>
internal class TorchKernels : ReferenceKernels
{
    private static readonly Lazy<jit.CompilationUnit> s_script = new(() => jit.compile("""
        def rms_norm(x: Tensor, weight: Tensor, eps: float):
            return torch.rms_norm(x, [weight.numel()], weight, eps)

        def rms_norm_around(x: Tensor, weight: Tensor, eps: float, around: float):
            return torch.rms_norm(x.float(), [weight.numel()], weight.float() + around, eps).to(x.dtype)

        def embedding(weight: Tensor, ids: Tensor):
            return torch.embedding(weight, ids)

        """));

    /// <inheritdoc/>
    /// <remarks>
    /// Its backward sorts the ids on a GPU and accumulates in float32; that of index_select would accumulate in the weights' type and in
    /// another order each time.
    /// </remarks>
    public override Tensor Embedding(Tensor weight, Tensor ids) => (Tensor)s_script.Value.invoke("embedding", weight, ids);

    /// <inheritdoc/>
    /// <remarks>
    /// One operation, rounded once: in half precision without the double rounding of Hugging Face's Llama, so nearer to the exact result.
    /// </remarks>
    public override Tensor RmsNorm(Tensor x, Tensor weight, RmsNormOptions options) => (Tensor)(options.HasOffset
        ? s_script.Value.invoke("rms_norm_around", x, weight, options.EpsScalar, options.WeightOffset)
        : s_script.Value.invoke("rms_norm", x, weight, options.EpsScalar));

    public override AttentionPlan PlanAttention(int queries, int cached, int? window, int[] documents, ScalarType dtype, Device device) =>
        MaskedAttention.Create(queries, cached, window, documents, dtype, device, repeatsHeads: false);

    public override AttentionPlan PlanRaggedAttention(Tensor queries, int keys, int? window, ScalarType dtype) =>
        MaskedAttention.CreateRagged(queries, keys, window, dtype, repeatsHeads: false);

    public override Tensor LinearCrossEntropy(Tensor hidden, Parameter weight, Tensor targets, double divisor, long chunk, Tensor total,
        CancellationToken stop = default) =>
        ChunkedCrossEntropy.Backward(hidden, weight, targets, divisor, chunk, total, ChunkedCrossEntropy.LogitsGradient, stop);
}
