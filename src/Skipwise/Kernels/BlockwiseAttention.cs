using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Kernels;

/// <summary>
/// Causal attention on libtorch's fused kernel without its masked half. That kernel works on blocks of 512 keys and skips whole blocks
/// only: at 512 tokens it computes twice what is needed. Here the tokens are halved until blocks are small: each block attends to itself
/// causally, each second half of a pair attends to the first half in full, and the parts are combined by their log-sum-exp. Blocks and
/// pairs of one size are one batched call, which also occupies every core if the heads do not divide evenly.
/// </summary>
internal static class BlockwiseAttention
{
    // N sequences, T tokens, H query heads, K kv heads, D head dim; L = log-sum-exp of a query's scores
    private const long SmallestBlock = 128;

    private static readonly Lazy<jit.CompilationUnit> s_kernel = new(() => jit.compile("""
        def forward(q: Tensor, k: Tensor, v: Tensor, causal: bool):
            return torch._scaled_dot_product_flash_attention_for_cpu(q, k, v, 0.0, causal)

        def backward(g: Tensor, q: Tensor, k: Tensor, v: Tensor, o: Tensor, lse: Tensor, causal: bool):
            return torch._scaled_dot_product_flash_attention_for_cpu_backward(g, q, k, v, o, lse, 0.0, causal)

        """));

    /// <param name="query">[N, T, H, D]</param>
    /// <param name="key">[N, T, K, D], as value; groups of H / K query heads share a kv head, which the kernel supports</param>
    /// <returns>the attention output [N, T, H, D], and L [N, T, H]</returns>
    public static (Tensor Mixed, Tensor Lse) Forward(Tensor query, Tensor key, Tensor value)
    {
        using var scope = NewDisposeScope();
        long tokens = query.size(1), block = Block(tokens);
        (Tensor output, Tensor lse) = Kernel(Blocks(query, block), Blocks(key, block), Blocks(value, block), isCausal: true);
        (output, lse) = (output.reshape(query.shape), lse.reshape(query.size(0), tokens, query.size(2)));
        for (long half = block; half < tokens; half *= 2)
        {
            using var level = NewDisposeScope();
            (Tensor more, Tensor moreLse) = Kernel(Second(query, half), First(key, half), First(value, half), isCausal: false);
            Tensor joined = Second(output, half), joinedLse = Second(lse, half);
            joined.lerp_(more, (moreLse - joinedLse).sigmoid_().unsqueeze(-1).to(more.dtype));
            joinedLse.copy_(logaddexp(joinedLse, moreLse));
        }
        return (output.MoveToOuterDisposeScope(), lse.MoveToOuterDisposeScope());
    }

    /// <summary>Backward: given the whole row's output and L, each part's gradient is exact on its own, and the parts add up.</summary>
    public static (Tensor Query, Tensor Key, Tensor Value) Backward(
        Tensor gradient, Tensor query, Tensor key, Tensor value, Tensor output, Tensor lse)
    {
        using var scope = NewDisposeScope();
        long tokens = query.size(1), block = Block(tokens);
        (Tensor dQuery, Tensor dKey, Tensor dValue) = Kernel(
            Blocks(gradient, block), Blocks(query, block), Blocks(key, block), Blocks(value, block), Blocks(output, block),
            Blocks(lse, block), isCausal: true);
        (dQuery, dKey, dValue) = (dQuery.reshape(query.shape), dKey.reshape(key.shape), dValue.reshape(key.shape));
        for (long half = block; half < tokens; half *= 2)
        {
            using var level = NewDisposeScope();
            int parts = KeyParts(First(key, half));
            Tensor Queries(Tensor x) => parts == 1
                ? Second(x, half)
                : Second(x, half).expand([parts, .. x.shape[1..].Select((size, i) => i == 0 ? half : size)]);
            Tensor Keys(Tensor x) => First(x, half).view([-1, half / parts, .. x.shape[2..]]);
            (Tensor q, Tensor k, Tensor v) = Kernel(
                Queries(gradient), Queries(query), Keys(key), Keys(value), Queries(output), Queries(lse), isCausal: false);
            foreach (Tensor part in q.chunk(parts))
            {
                Second(dQuery, half).add_(part);
            }
            First(dKey, half).add_(k.reshape(First(dKey, half).shape));
            First(dValue, half).add_(v.reshape(First(dValue, half).shape));
        }
        return (dQuery.MoveToOuterDisposeScope(), dKey.MoveToOuterDisposeScope(), dValue.MoveToOuterDisposeScope());
    }

    /// <summary>
    /// Splits keys for libtorch's backward, which gives every core whole heads of a sequence: five heads on two cores leave one idle. Parts
    /// of keys are more units of work.
    /// </summary>
    /// <param name="keys">[N, T, K, D]</param>
    private static int KeyParts(Tensor keys)
    {
        int parts = 1, threads = get_num_threads();
        while (keys.size(0) == 1 && keys.device_type == DeviceType.CPU && parts * keys.size(2) % threads != 0 && parts < threads
            && keys.size(1) / parts % 2 == 0 && keys.size(1) / parts > SmallestBlock)
        {
            parts *= 2;
        }
        return parts;
    }

    /// <summary>Tokens per block: halved while the length is even.</summary>
    private static long Block(long tokens)
    {
        while (tokens % 2 == 0 && tokens > SmallestBlock)
        {
            tokens /= 2;
        }
        return tokens;
    }

    // The dimensions after the tokens are [H, D] or [H].
    private static Tensor Blocks(Tensor x, long size) => x.view([-1, size, .. x.shape[2..]]);

    private static Tensor First(Tensor x, long half) => x.view([-1, 2, half, .. x.shape[2..]]).select(1, 0);

    private static Tensor Second(Tensor x, long half) => x.view([-1, 2, half, .. x.shape[2..]]).select(1, 1);

    private static (Tensor, Tensor) Kernel(Tensor query, Tensor key, Tensor value, bool isCausal)
    {
        var (output, lse) = ((Tensor, Tensor))s_kernel.Value.invoke(
            "forward", query.transpose(1, 2), key.transpose(1, 2), value.transpose(1, 2), isCausal);
        return (output.transpose(1, 2), lse.transpose(1, 2));
    }

    private static (Tensor, Tensor, Tensor) Kernel(
        Tensor gradient, Tensor query, Tensor key, Tensor value, Tensor output, Tensor lse, bool isCausal)
    {
        var (q, k, v) = ((Tensor, Tensor, Tensor))s_kernel.Value.invoke(
            "backward", gradient.transpose(1, 2), query.transpose(1, 2), key.transpose(1, 2), value.transpose(1, 2),
            output.transpose(1, 2), lse.transpose(1, 2), isCausal);
        return (q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2));
    }
}
