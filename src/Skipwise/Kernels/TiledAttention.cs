using System.Runtime.CompilerServices;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Kernels;

/// <summary>
/// Causal attention in float32: FlashAttention-2 (Dao 2023) on <see cref="VectorGemm{TLanes, T}"/>. Scores of 192 queries and 96 keys exist
/// at a time, in the cache, with a row per key and a lane per query: a query's softmax stays in one lane, and keys, values and gradients
/// are read in place. Keys after a query are never read; each head is split into parts of equal work, so that all cores are busy.
/// </summary>
/// <typeparam name="TLanes">operations of the vector</typeparam>
/// <typeparam name="T">the vector</typeparam>
internal static unsafe class TiledAttention<TLanes, T> where TLanes : ILanes<T> where T : struct
{
    // N sequences, T queries, S keys, H query heads, K kv heads, D head dim, W = D rounded up to whole tiles; L = log-sum-exp of a
    // query's scores
    private const int QueryBlock = TilePlan.QueryBlock, KeyBlock = TilePlan.KeyBlock;
    private const float Lowest = -1e30f; // below every score, and finite, so that no difference is NaN

    /// <param name="query">[N, T, H, D]; the queries are the last T of the S tokens</param>
    /// <param name="key">[N, S, K, D], as value; groups of H / K query heads share a kv head</param>
    /// <param name="window">a token attends to itself and the window - 1 tokens before it; null: to all</param>
    /// <returns>the attention output [N, T, H, D], and L [N, T, H]</returns>
    public static (Tensor Mixed, Tensor Lse) Forward(Tensor query, Tensor key, Tensor value, int? window = null)
    {
        using var scope = NewDisposeScope();
        TilePlan plan = new(query, key, window, VectorGemm<TLanes, T>.MinColumns);
        Tensor output = empty(query.shape, ScalarType.Float32, query.device);
        Tensor lse = empty(query.shape[..^1], ScalarType.Float32, query.device);
        using TensorPointers pointers = new();
        HeadsView q = new(pointers, query), k = new(pointers, key), v = new(pointers, value);
        HeadsView o = new(pointers, output), l = new(pointers, lse.unsqueeze(-1));
        int parts = plan.SplitCount(plan.Sequences * plan.Heads, TilePlan.RoundUp(plan.Window.Queries, QueryBlock) / QueryBlock);
        int[] bounds = plan.Window.SplitQueries(parts, QueryBlock);
        plan.ForEachUnit(plan.Sequences * plan.Heads * parts, QueryScratchSize(plan), (unit, scratch) =>
        {
            (int sequence, int head, int part) = (unit / parts / plan.Heads, unit / parts % plan.Heads, unit % parts);
            int kvHead = head / plan.GroupSize;
            AttendQueries(
                plan, scratch, bounds[part], bounds[part + 1], q.Head(sequence, head), k.Head(sequence, kvHead),
                v.Head(sequence, kvHead), o.Head(sequence, head), l.Head(sequence, head));
        });
        return (output.MoveToOuterDisposeScope(), lse.MoveToOuterDisposeScope());
    }

    /// <param name="gradient">of the output</param>
    /// <returns>gradients of query [N, T, H, D], key and value [N, S, K, D]</returns>
    public static (Tensor Query, Tensor Key, Tensor Value) Backward(
        Tensor gradient, Tensor query, Tensor key, Tensor value, Tensor output, Tensor lse, int? window = null)
    {
        using var scope = NewDisposeScope();
        TilePlan plan = new(query, key, window, VectorGemm<TLanes, T>.MinColumns);
        int parts = plan.SplitCount(plan.Sequences * plan.KvHeads, TilePlan.RoundUp(plan.Window.Keys, KeyBlock) / KeyBlock);
        int[] bounds = plan.Window.SplitKeys(parts, KeyBlock);
        // A key's gradient comes from one part; a query's is the sum over all parts.
        Tensor[] dQueries = [.. Enumerable.Range(0, parts).Select(_ => zeros(query.shape, ScalarType.Float32, query.device))];
        Tensor dKey = empty(key.shape, ScalarType.Float32, key.device), dValue = empty(key.shape, ScalarType.Float32, key.device);
        using TensorPointers pointers = new();
        HeadsView[] dqs = [.. dQueries.Select(part => new HeadsView(pointers, part))];
        HeadsView g = new(pointers, gradient), q = new(pointers, query), k = new(pointers, key), v = new(pointers, value);
        HeadsView o = new(pointers, output), l = new(pointers, lse.unsqueeze(-1)), dk = new(pointers, dKey), dv = new(pointers, dValue);
        plan.ForEachUnit(plan.Sequences * plan.KvHeads * parts, KeyValueGradients<TLanes, T>.ScratchSize(plan, bounds), (unit, scratch) =>
        {
            (int sequence, int kvHead, int part) = (unit / parts / plan.KvHeads, unit / parts % plan.KvHeads, unit % parts);
            (int from, int to) = (bounds[part], bounds[part + 1]);
            if (from == to)
            {
                return;
            }
            KeyValueGradients<TLanes, T> keys = new(plan, scratch, from, to, k.Head(sequence, kvHead), v.Head(sequence, kvHead));
            for (int head = kvHead * plan.GroupSize; head < (kvHead + 1) * plan.GroupSize; head++)
            {
                keys.AccumulateHead(
                    g.Head(sequence, head), q.Head(sequence, head), o.Head(sequence, head), l.Head(sequence, head),
                    dqs[part].Head(sequence, head));
            }
            keys.Write(dk.Head(sequence, kvHead), dv.Head(sequence, kvHead));
        });
        foreach (Tensor part in dQueries[1..])
        {
            dQueries[0].add_(part);
        }
        return (dQueries[0].MoveToOuterDisposeScope(), dKey.MoveToOuterDisposeScope(), dValue.MoveToOuterDisposeScope());
    }

    /// <summary>Scratch elements that <see cref="AttendQueries"/> needs at most.</summary>
    private static long QueryScratchSize(TilePlan plan) =>
        (2L * (plan.Window.Keys + TilePlan.TileRows) * plan.PaddedDim) + (QueryBlock * (plan.Dim + KeyBlock + plan.PaddedDim + 3));

    /// <summary>Attention output of a range of queries of one head: by blocks of keys, with a running maximum and sum.</summary>
    private static void AttendQueries(
        TilePlan plan, Workspace scratch, int from, int to, HeadView query, HeadView key, HeadView value, HeadView output, HeadView lse)
    {
        if (from == to)
        {
            return;
        }
        (CausalWindow window, int dim, int paddedDim) = (plan.Window, plan.Dim, plan.PaddedDim);
        int firstKey = window.FirstKey(from) / KeyBlock * KeyBlock;
        int rows = TilePlan.RoundUp(window.LastKey(to - 1) + 1 - firstKey, TilePlan.TileRows);
        float* keys = scratch.CopyRows<TLanes, T>(key, firstKey, rows, plan);
        float* values = scratch.CopyRows<TLanes, T>(value, firstKey, rows, plan);
        float* panels = scratch.Allocate(QueryBlock * dim), scores = scratch.Allocate(QueryBlock * KeyBlock);
        float* accumulator = scratch.Allocate(QueryBlock * paddedDim);
        float* runningMax = scratch.Allocate(QueryBlock), runningSum = scratch.Allocate(QueryBlock), rescale = scratch.Allocate(QueryBlock);
        for (int start = from; start < to; start += QueryBlock)
        {
            int count = Math.Min(QueryBlock, to - start);
            VectorGemm<TLanes, T>.PackTransposed(query.Row(start), query.RowStride, panels, count, dim, plan.Scale);
            new Span<float>(accumulator, QueryBlock * paddedDim).Clear();
            new Span<float>(runningMax, QueryBlock).Fill(Lowest);
            new Span<float>(runningSum, QueryBlock).Clear();
            ScoreBlock<TLanes, T> block = new(window, start, count);
            int firstStart = window.FirstKey(start) / KeyBlock * KeyBlock;
            for (int keyStart = firstStart; keyStart <= window.LastKey(start + count - 1); keyStart += KeyBlock)
            {
                float* some = keys + ((keyStart - firstKey) * paddedDim);
                block.ComputeScores(some, paddedDim, dim, panels, keyStart, scores);
                bool grew = block.Softmax(keyStart, scores, runningMax, runningSum, rescale);
                for (int row = 0; row < count; row += TilePlan.TileRows)
                {
                    (int first, int end) = block.VisibleKeys(row, keyStart);
                    if (grew)
                    {
                        Scale(accumulator + (row * paddedDim), rescale + row, paddedDim);
                    }
                    if (first < end)
                    {
                        VectorGemm<TLanes, T>.Multiply(
                            scores + (first * QueryBlock) + row, 1, QueryBlock, values + ((keyStart + first - firstKey) * paddedDim),
                            paddedDim, accumulator + (row * paddedDim), paddedDim, paddedDim, end - first, adds: true);
                    }
                }
            }
            for (int row = 0; row < count; row++)
            {
                VectorGemm<TLanes, T>.ScaledCopy(
                    accumulator + (row * paddedDim), paddedDim, output.Row(start + row), output.RowStride, 1, dim, dim,
                    1 / runningSum[row]);
                *lse.Row(start + row) = runningMax[row] + MathF.Log(runningSum[row]);
            }
        }
    }

    /// <summary>Scales six rows, each by its own factor.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Scale(float* rows, float* factors, int paddedDim)
    {
        for (int row = 0; row < TilePlan.TileRows; row++)
        {
            T factor = TLanes.Fill(factors[row]);
            for (int column = 0; column < paddedDim; column += TLanes.Count)
            {
                float* to = rows + (row * paddedDim) + column;
                TLanes.Store(TLanes.Multiply(TLanes.Load(to), factor), to);
            }
        }
    }
}
