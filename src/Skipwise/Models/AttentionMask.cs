using Skipwise.Kernels;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Models;

/// <summary>
/// Which tokens a forward's queries may see, decided once and shared by all layers of a kind. Attention is causal in token order, never in
/// position ids: skipped positions move the rotation, not the order.
/// </summary>
/// <param name="Bias">float [T, S] to add to the scores (0 or -inf), or null; T = S is the longest document's length where there are
/// several in a row</param>
/// <param name="IsCausal">T = S and libtorch's own causal mode applies</param>
internal readonly record struct AttentionMask(Tensor? Bias, bool IsCausal)
{
    /// <summary>lengths of documents that lie end to end in one row and do not see each other; empty: a row is one document</summary>
    public int[] DocumentLengths { get; init; } = [];

    /// <summary>W, where it is shorter than the text</summary>
    public int? Window { get; init; }

    /// <summary>Whether <see cref="TiledAttention"/> serves, which takes the rule itself instead of a bias.</summary>
    public bool UsesTiledAttention { get; init; }

    private const int LeastTiled = 48; // queries; of fewer a panel of 64 is too empty
    private const int RowMultiple = 16; // numbers; a GPU's kernel would copy a bias whose rows begin elsewhere, in every layer

    /// <param name="queries">T, tokens of this forward, or of its longest document</param>
    /// <param name="cached">tokens that the cache already holds</param>
    /// <param name="window">W: token i sees the tokens j with i - W &lt; j &lt;= i; null sees all before it</param>
    public static AttentionMask Create(int queries, int cached, int? window, ScalarType dtype, Device device)
    {
        int keys = cached + queries;
        bool seesAll = window is not { } limit || limit >= keys;
        if (queries >= LeastTiled && !FusedKernels.UsesReference && Avx512Gemm.Supports(dtype, device))
        {
            return new(null, false) { UsesTiledAttention = true, Window = seesAll ? null : window };
        }
        if (seesAll && queries == 1)
        {
            return new(null, false); // the newest token sees everything
        }
        if (seesAll && cached == 0)
        {
            return new(null, true);
        }
        using var scope = NewDisposeScope();
        // query i is token cached + i of the text: it sees key j if j - i lies in (cached - W, cached]
        Tensor seen = ones([queries, keys], ScalarType.Bool, device).tril(cached);
        if (!seesAll)
        {
            seen = seen.triu(cached - window!.Value + 1);
        }
        Tensor bias = zeros([queries, Avx512Gemm.RoundUp(keys, RowMultiple)], dtype, device).narrow(1, 0, keys);
        bias.masked_fill_(seen.logical_not(), float.NegativeInfinity);
        return new(bias.MoveToOuterDisposeScope(), false);
    }

    /// <summary>Attention by a fused kernel: no [T, S] matrix of scores exists.</summary>
    /// <param name="query">[B, T, H, D]</param>
    /// <param name="key">[B, S, K, D], as value; query heads share it in groups of H / K</param>
    /// <returns>[B, T, H, D]</returns>
    public Tensor Attend(Tensor query, Tensor key, Tensor value)
    {
        using var scope = NewDisposeScope();
        bool isTracked = is_grad_enabled() && (query.requires_grad || key.requires_grad || value.requires_grad);
        if (UsesTiledAttention && !isTracked)
        {
            return CausalAttentionFunction.Attend(query, key, value, DocumentLengths, Window).Mixed.MoveToOuterDisposeScope();
        }
        if (UsesTiledAttention || (IsCausal && isTracked && FusedKernels.IsEnabledOn(query.device)))
        {
            return CausalAttentionFunction.apply(query, key, value, DocumentLengths, Window ?? 0).MoveToOuterDisposeScope();
        }
        (Tensor q, Tensor k, Tensor v) = (query.transpose(1, 2), key.transpose(1, 2), value.transpose(1, 2)); // [B, H, T, D], [B, K, S, D]
        if (FusedKernels.UsesReference)
        {
            long group = q.size(1) / k.size(1);
            (k, v) = (k.repeat_interleave(group, 1), v.repeat_interleave(group, 1)); // as the formula has it
        }
        bool isCausal = IsCausal;
        Tensor Kernel(Tensor query, Tensor key, Tensor value, Tensor? bias) => GroupedAttention.Attend(query, key, value, bias, isCausal);
        if (DocumentLengths.Length == 0)
        {
            return Kernel(q, k, v, Bias).transpose(1, 2).MoveToOuterDisposeScope();
        }
        // what a document's tokens see of each other depends on their distance alone: the top left corner serves every document
        Tensor? bias = Bias;
        Tensor? Corner(Tensor part) => bias?.narrow(0, 0, part.size(2)).narrow(1, 0, part.size(2));
        long[] lengths = [.. DocumentLengths.Select(length => (long)length)];
        Tensor[] qs = q.split(lengths, 2), ks = k.split(lengths, 2), vs = v.split(lengths, 2);
        return cat([.. qs.Select((part, i) => Kernel(part, ks[i], vs[i], Corner(part)))], 2).transpose(1, 2).MoveToOuterDisposeScope();
    }
}
