using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Kernels;

/// <summary>Attention by libtorch's kernel, masked by its causal mode or a bias.</summary>
/// <param name="bias">
/// float [T, S] added to the scores (0 or -inf), or null; [B, 1, T, S] if the rows' lengths differ; T = S is the longest document's length
/// if a row has several
/// </param>
/// <param name="isCausal">T = S and libtorch's own causal mode applies</param>
/// <param name="documents">lengths of documents packed into one row; empty: a row is one document</param>
/// <param name="repeatsHeads">copies keys and values for every query head, as the reference implementation does</param>
internal sealed class MaskedAttention(Tensor? bias, bool isCausal, int[] documents, bool repeatsHeads) : AttentionPlan
{
    private const int RowMultiple = 16; // elements; a GPU kernel would copy a bias with unaligned rows in every layer

    public Tensor? Bias => bias;
    public bool IsCausal => isCausal;

    /// <inheritdoc cref="KernelSet.PlanAttention"/>
    public static MaskedAttention Create(
        int queries, int cached, int? window, int[] documents, ScalarType dtype, Device device, bool repeatsHeads)
    {
        int keys = cached + queries;
        bool seesAll = window is not { } limit || limit >= keys;
        if (seesAll && queries == 1)
        {
            return new(null, false, documents, repeatsHeads); // the newest token attends to everything
        }
        if (seesAll && cached == 0)
        {
            return new(null, true, documents, repeatsHeads);
        }
        using var scope = NewDisposeScope();
        // query i is token cached + i of the text: it attends to key j if j - i is in (cached - W, cached]
        Tensor seen = ones([queries, keys], ScalarType.Bool, device).tril(cached);
        if (!seesAll)
        {
            seen = seen.triu(cached - window!.Value + 1);
        }
        return new(CreateBias(seen, dtype).MoveToOuterDisposeScope(), false, documents, repeatsHeads);
    }

    /// <inheritdoc cref="KernelSet.PlanRaggedAttention"/>
    public static MaskedAttention CreateRagged(Tensor queries, int keys, int? window, ScalarType dtype, bool repeatsHeads)
    {
        using var scope = NewDisposeScope();
        Tensor query = queries.unsqueeze(1).unsqueeze(-1); // [B, 1, T, 1]
        Tensor before = query - arange(keys, dtype: ScalarType.Int64, device: queries.device); // [B, 1, T, S], distance of key j
        Tensor seen = before.ge(0);
        if (window < keys)
        {
            seen = seen.logical_and(before.lt(window.Value));
        }
        return new(CreateBias(seen, dtype).MoveToOuterDisposeScope(), false, [], repeatsHeads);
    }

    /// <param name="seen">bool [..., T, S]</param>
    /// <returns>0 where a query attends to a key, else -inf</returns>
    private static Tensor CreateBias(Tensor seen, ScalarType dtype)
    {
        long keys = seen.size(-1);
        Tensor bias = zeros([.. seen.shape[..^1], TilePlan.RoundUp((int)keys, RowMultiple)], dtype, seen.device).narrow(-1, 0, keys);
        return bias.masked_fill_(seen.logical_not(), float.NegativeInfinity);
    }

    public override Tensor Attend(Tensor query, Tensor key, Tensor value)
    {
        using var scope = NewDisposeScope();
        (Tensor q, Tensor k, Tensor v) = (query.transpose(1, 2), key.transpose(1, 2), value.transpose(1, 2)); // [B, H, T, D], [B, K, S, D]
        if (repeatsHeads)
        {
            long group = q.size(1) / k.size(1);
            (k, v) = (k.repeat_interleave(group, 1), v.repeat_interleave(group, 1));
        }
        if (documents.Length == 0)
        {
            return GroupedAttention.Attend(q, k, v, bias, isCausal).transpose(1, 2).MoveToOuterDisposeScope();
        }
        // attention within a document depends on distances alone: the top left corner serves every document
        Tensor? Corner(Tensor part) => bias?.narrow(0, 0, part.size(2)).narrow(1, 0, part.size(2));
        long[] lengths = [.. documents.Select(length => (long)length)];
        Tensor[] qs = q.split(lengths, 2), ks = k.split(lengths, 2), vs = v.split(lengths, 2);
        return cat([.. qs.Select((part, i) => GroupedAttention.Attend(part, ks[i], vs[i], Corner(part), isCausal))], 2)
            .transpose(1, 2).MoveToOuterDisposeScope();
    }
}
