using static TorchSharp.torch;

namespace Skipwise.Kernels;

/// <summary>
/// How a forward's queries attend to its keys: decided once by a <see cref="KernelSet"/>, shared by all layers of a kind.
/// </summary>
internal abstract class AttentionPlan
{
    /// <summary>softmax(Q K^T / sqrt(D)) V over the keys that each query may see; no [T, S] matrix of scores exists.</summary>
    /// <param name="query">[B, T, H, D]</param>
    /// <param name="key">[B, S, K, D], as value; query heads share it in groups of H / K</param>
    /// <returns>[B, T, H, D]</returns>
    public abstract Tensor Attend(Tensor query, Tensor key, Tensor value);
}
