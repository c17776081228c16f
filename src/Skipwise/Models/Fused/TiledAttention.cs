using System.Runtime.Intrinsics;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Models.Fused;

/// <summary>
/// Causal attention for processors with AVX-512: FlashAttention-2 (Dao 2023) with <see cref="Tiles"/>. Scores of 192 queries and 96 keys exist at a
/// time, in the cache, with a row per key and a lane per query: so a query's softmax is one lane's, and keys, values and gradients are read as they lie. Keys past
/// a query's own are never touched; each head is cut into parts of equal work, so that every core has a share.
/// </summary>
internal static unsafe class TiledAttention
{
    // N sequences, T queries, S keys, H query heads, K kv heads, D head dim, W = D up to the next multiple of 32; L = log of the sum of exp of a query's scores
    private const int QueryBlock = ScoreBlock.Queries, KeyBlock = ScoreBlock.Keys;
    private const float Lowest = -1e30f; // below every score, and finite, so that nothing of it is NaN

    /// <param name="query">[N, T, H, D]; the queries are the last T of the S tokens</param>
    /// <param name="key">[N, S, K, D], as value; K divides H: query heads share it in groups</param>
    /// <param name="window">a token sees itself and so many less one before it; null: all</param>
    /// <returns>the mix [N, T, H, D], and L [N, T, H]</returns>
    public static (Tensor Mixed, Tensor Lse) Forward(Tensor query, Tensor key, Tensor value, int? window = null)
    {
        using var scope = NewDisposeScope();
        AttentionPlan plan = new(query, key, window);
        Tensor mixed = empty(query.shape, ScalarType.Float32, query.device), lse = empty(query.shape[..^1], ScalarType.Float32, query.device);
        HeadGrid q = new(query), k = new(key), v = new(value), o = new(mixed), l = new(lse.unsqueeze(-1));
        int parts = plan.Parts(plan.Sequences * plan.Heads, Tiles.RoundUp(plan.Sight.Queries, QueryBlock) / QueryBlock);
        int[] bounds = plan.Sight.QueryParts(parts, QueryBlock);
        plan.Each(plan.Sequences * plan.Heads * parts, RoomOfQueries(plan), (unit, room) =>
        {
            (int sequence, int head, int part) = (unit / parts / plan.Heads, unit / parts % plan.Heads, unit % parts);
            int kvHead = head / plan.Group;
            MixQueries(plan, room, bounds[part], bounds[part + 1], q.Of(sequence, head), k.Of(sequence, kvHead), v.Of(sequence, kvHead), o.Of(sequence, head), l.Of(sequence, head));
        });
        return (mixed.MoveToOuterDisposeScope(), lse.MoveToOuterDisposeScope());
    }

    /// <param name="gradient">of the mix</param>
    /// <returns>gradients of query [N, T, H, D], key and value [N, S, K, D]</returns>
    public static (Tensor Query, Tensor Key, Tensor Value) Backward(Tensor gradient, Tensor query, Tensor key, Tensor value, Tensor mixed, Tensor lse, int? window = null)
    {
        using var scope = NewDisposeScope();
        AttentionPlan plan = new(query, key, window);
        int parts = plan.Parts(plan.Sequences * plan.KvHeads, Tiles.RoundUp(plan.Sight.Keys, KeyBlock) / KeyBlock);
        int[] bounds = plan.Sight.KeyParts(parts, KeyBlock);
        // A key's gradient is one part's; a query's is the sum of all parts'.
        Tensor[] dQueries = [.. Enumerable.Range(0, parts).Select(_ => zeros(query.shape, ScalarType.Float32, query.device))];
        Tensor dKey = empty(key.shape, ScalarType.Float32, key.device), dValue = empty(key.shape, ScalarType.Float32, key.device);
        HeadGrid[] dqs = [.. dQueries.Select(part => new HeadGrid(part))];
        HeadGrid g = new(gradient), q = new(query), k = new(key), v = new(value), o = new(mixed), l = new(lse.unsqueeze(-1)), dk = new(dKey), dv = new(dValue);
        plan.Each(plan.Sequences * plan.KvHeads * parts, KeyGradients.RoomOf(plan, bounds), (unit, room) =>
        {
            (int sequence, int kvHead, int part) = (unit / parts / plan.KvHeads, unit / parts % plan.KvHeads, unit % parts);
            (int from, int to) = (bounds[part], bounds[part + 1]);
            if (from == to)
            {
                return;
            }
            KeyGradients keys = new(plan, room, from, to, k.Of(sequence, kvHead), v.Of(sequence, kvHead));
            for (int head = kvHead * plan.Group; head < (kvHead + 1) * plan.Group; head++)
            {
                keys.Add(g.Of(sequence, head), q.Of(sequence, head), o.Of(sequence, head), l.Of(sequence, head), dqs[part].Of(sequence, head));
            }
            keys.Write(dk.Of(sequence, kvHead), dv.Of(sequence, kvHead));
        });
        foreach (Tensor part in dQueries[1..])
        {
            dQueries[0].add_(part);
        }
        return (dQueries[0].MoveToOuterDisposeScope(), dKey.MoveToOuterDisposeScope(), dValue.MoveToOuterDisposeScope());
    }

    /// <summary>What <see cref="MixQueries"/> takes at most.</summary>
    private static long RoomOfQueries(AttentionPlan plan) =>
        (2L * (plan.Sight.Keys + Tiles.Rows) * plan.Wide) + (QueryBlock * (plan.Dim + KeyBlock + plan.Wide + 3));

    /// <summary>The mix of some queries of one head: block by block of keys, with a running maximum and sum.</summary>
    private static void MixQueries(AttentionPlan plan, Workspace room, int from, int to, HeadRows query, HeadRows key, HeadRows value, HeadRows mixed, HeadRows lse)
    {
        if (from == to)
        {
            return;
        }
        (Sight sight, int dim, int wide) = (plan.Sight, plan.Dim, plan.Wide);
        int firstKey = sight.FirstKey(from) / KeyBlock * KeyBlock, rows = Tiles.RoundUp(sight.LastKey(to - 1) + 1 - firstKey, Tiles.Rows);
        float* keys = room.Rows(key, firstKey, rows, plan), values = room.Rows(value, firstKey, rows, plan);
        float* panels = room.Take(QueryBlock * dim), scores = room.Take(QueryBlock * KeyBlock), sums = room.Take(QueryBlock * wide);
        float* largest = room.Take(QueryBlock), total = room.Take(QueryBlock), decay = room.Take(QueryBlock);
        for (int start = from; start < to; start += QueryBlock)
        {
            int count = Math.Min(QueryBlock, to - start);
            Tiles.Turn(query.At(start), query.Step, panels, count, dim, plan.Scale);
            new Span<float>(sums, QueryBlock * wide).Clear();
            new Span<float>(largest, QueryBlock).Fill(Lowest);
            new Span<float>(total, QueryBlock).Clear();
            ScoreBlock block = new(sight, start, count);
            for (int keyStart = sight.FirstKey(start) / KeyBlock * KeyBlock; keyStart <= sight.LastKey(start + count - 1); keyStart += KeyBlock)
            {
                float* some = keys + ((keyStart - firstKey) * wide);
                block.Scores(some, wide, dim, panels, keyStart, scores);
                bool grew = block.Softmax(keyStart, scores, largest, total, decay);
                for (int row = 0; row < count; row += Tiles.Rows)
                {
                    (int first, int end) = block.KeysOf(row, keyStart);
                    if (grew)
                    {
                        Scale(sums + (row * wide), decay + row, wide);
                    }
                    if (first < end)
                    {
                        Tiles.Multiply(scores + (first * QueryBlock) + row, 1, QueryBlock, values + ((keyStart + first - firstKey) * wide), wide, sums + (row * wide), wide, wide, end - first, adds: true);
                    }
                }
            }
            for (int row = 0; row < count; row++)
            {
                Tiles.Copy(sums + (row * wide), wide, mixed.At(start + row), mixed.Step, 1, dim, dim, 1 / total[row]);
                *lse.At(start + row) = largest[row] + MathF.Log(total[row]);
            }
        }
    }

    /// <summary>Six rows, each by a factor of its own.</summary>
    private static void Scale(float* rows, float* factors, int wide)
    {
        for (int row = 0; row < Tiles.Rows; row++)
        {
            Vector512<float> factor = Vector512.Create(factors[row]);
            for (int column = 0; column < wide; column += Tiles.Lanes)
            {
                (Vector512.Load(rows + (row * wide) + column) * factor).Store(rows + (row * wide) + column);
            }
        }
    }
}
