using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Kernels;

/// <summary>
/// libtorch's fused attention for grouped-query attention, without a copy of keys or values. TorchSharp's wrapper has no <c>enable_gqa</c>,
/// and libtorch's kernels for float32 and for masks on a GPU do not support groups.
/// </summary>
internal static class GroupedAttention
{
    // B batch, T queries, S keys, H query heads, K kv heads, G = H / K, D head dim
    private static readonly Lazy<jit.CompilationUnit> s_script = new(() => jit.compile("""
        def attend(q: Tensor, k: Tensor, v: Tensor, causal: bool):
            return torch.scaled_dot_product_attention(q, k, v, None, 0.0, causal, scale=None, enable_gqa=True)

        """));

    /// <param name="query">[B, H, T, D]</param>
    /// <param name="key">[B, K, S, D], as value</param>
    /// <param name="bias">[T, S] or [B, 1, T, S] to add to the scores, or null</param>
    /// <returns>[B, H, T, D]</returns>
    public static Tensor Attend(Tensor query, Tensor key, Tensor value, Tensor? bias, bool isCausal)
    {
        long batch = query.size(0), tokens = query.size(2), dim = query.size(3), kvHeads = key.size(1), group = query.size(1) / kvHeads;
        if (group == 1)
        {
            return nn.functional.scaled_dot_product_attention(query, key, value, bias, is_casual: isCausal);
        }
        if (tokens == 1)
        {
            // a group's heads attend to the same keys: they are computed as G queries of one head
            Tensor heads = query.reshape(batch, kvHeads, group, dim);
            bias = bias is { Dimensions: 4 } ? bias.expand(-1, -1, group, -1) : bias;
            return nn.functional.scaled_dot_product_attention(heads, key, value, bias).reshape(query.shape);
        }
        if (bias is null && query.dtype != ScalarType.Float32)
        {
            return (Tensor)s_script.Value.invoke("attend", query, key, value, isCausal);
        }
        // kv heads become part of the batch; each is expanded to its G heads by a stride of 0
        Tensor Shared(Tensor x) => x.flatten(0, 1).unsqueeze(1).expand(-1, group, -1, -1);
        Tensor queries = query.reshape(batch * kvHeads, group, tokens, dim);
        bias = bias is { Dimensions: 4 } ? bias.repeat_interleave(kvHeads, 0) : bias;
        Tensor output = nn.functional.scaled_dot_product_attention(queries, Shared(key), Shared(value), bias, is_casual: isCausal);
        return output.reshape(query.shape);
    }
}
