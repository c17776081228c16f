using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Models;

/// <summary>
/// Which tokens a forward's queries may see, decided once and shared by all layers. Attention is causal in token order, never in
/// position ids: skipped positions move the rotation, not the order.
/// </summary>
/// <param name="Bias">float [T, S] to add to the scores (0 or -inf), or null</param>
/// <param name="IsCausal">T = S and the kernel's own causal mode applies</param>
internal readonly record struct AttentionMask(Tensor? Bias, bool IsCausal)
{
    /// <param name="queries">T, tokens of this forward</param>
    /// <param name="cached">tokens that the cache already holds</param>
    public static AttentionMask For(int queries, int cached, ScalarType dtype, Device device)
    {
        if (queries == 1)
        {
            return new(null, false); // the newest token sees everything
        }
        if (cached == 0)
        {
            return new(null, true);
        }
        using var scope = NewDisposeScope();
        Tensor future = full([queries, queries], float.NegativeInfinity, dtype, device).triu(1);
        Tensor bias = cat([zeros([queries, cached], dtype, device), future], 1);
        return new(bias.MoveToOuterDisposeScope(), false);
    }
}
