using static TorchSharp.torch;

namespace Skipwise.Kernels;

/// <summary>
/// Attention with a fixed causal window: chosen once per forward by a <see cref="KernelSet"/>, shared by all layers of a kind.
/// </summary>
internal abstract class AttentionPlan
{
    /// <summary>softmax(Q K^T / sqrt(D)) V over the keys that each query may attend to; no [T, S] score matrix is materialized.</summary>
    /// <param name="query">[B, T, H, D]</param>
    /// <param name="key">[B, S, K, D], as value; groups of H / K query heads share a kv head</param>
    /// <returns>[B, T, H, D]</returns>
    public abstract Tensor Attend(Tensor query, Tensor key, Tensor value);
}
