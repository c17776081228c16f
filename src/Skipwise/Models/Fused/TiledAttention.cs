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
    private const int QueryBlock = 192, KeyBlock = 96; // multiples of a tile's columns and rows
    private const int LeastWork = 1 << 17; // pairs of query and key that are worth waking another thread for
    private const float Lowest = -1e30f; // below every score, and finite, so that nothing of it is NaN

    /// <param name="query">[N, T, H, D]; the queries are the last T of the S tokens</param>
    /// <param name="key">[N, S, K, D], as value; K divides H: query heads share it in groups</param>
    /// <param name="window">a token sees itself and so many less one before it; null: all</param>
    /// <returns>the mix [N, T, H, D], and L [N, T, H]</returns>
    public static (Tensor Mixed, Tensor Lse) Forward(Tensor query, Tensor key, Tensor value, int? window = null)
    {
        using var scope = NewDisposeScope();
        Plan plan = new(query, key, window);
        Tensor mixed = empty(query.shape, ScalarType.Float32, query.device), lse = empty(query.shape[..^1], ScalarType.Float32, query.device);
        Grid q = new(query), k = new(key), v = new(value), o = new(mixed), l = new(lse.unsqueeze(-1));
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
        Plan plan = new(query, key, window);
        int parts = plan.Parts(plan.Sequences * plan.KvHeads, Tiles.RoundUp(plan.Sight.Keys, KeyBlock) / KeyBlock);
        int[] bounds = plan.Sight.KeyParts(parts, KeyBlock);
        // A key's gradient is one part's; a query's is the sum of all parts'.
        Tensor[] dQueries = [.. Enumerable.Range(0, parts).Select(_ => zeros(query.shape, ScalarType.Float32, query.device))];
        Tensor dKey = empty(key.shape, ScalarType.Float32, key.device), dValue = empty(key.shape, ScalarType.Float32, key.device);
        Grid[] dqs = [.. dQueries.Select(part => new Grid(part))];
        Grid g = new(gradient), q = new(query), k = new(key), v = new(value), o = new(mixed), l = new(lse.unsqueeze(-1)), dk = new(dKey), dv = new(dValue);
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
    private static long RoomOfQueries(Plan plan) =>
        (2L * (plan.Sight.Keys + Tiles.Rows) * plan.Wide) + (QueryBlock * (plan.Dim + KeyBlock + plan.Wide + 3));

    /// <summary>The mix of some queries of one head: block by block of keys, with a running maximum and sum.</summary>
    private static void MixQueries(Plan plan, Room room, int from, int to, Column query, Column key, Column value, Column mixed, Column lse)
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
            Block block = new(sight, start, count);
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

    /// <summary>The gradients of some keys and their values, summed up over the query heads that share them.</summary>
    private sealed class KeyGradients
    {
        private readonly Plan _plan;
        private readonly int _from, _to;
        private readonly float* _keys, _values, _dKeys, _dValues; // [rows, W]
        private readonly float* _queryPanels, _gradientPanels; // [panel, D, lane]
        private readonly float* _queries, _gradients, _dQueries; // [192, W]
        private readonly float* _shares, _dScores; // [96, 192]
        private readonly float* _lse, _delta; // [192]

        public KeyGradients(Plan plan, Room room, int from, int to, Column key, Column value)
        {
            (_plan, _from, _to) = (plan, from, to);
            (int wide, int rows) = (plan.Wide, Tiles.RoundUp(to - from, Tiles.Rows));
            _keys = room.Rows(key, from, rows, plan);
            _values = room.Rows(value, from, rows, plan);
            _dKeys = room.Zeros(rows * wide);
            _dValues = room.Zeros(rows * wide);
            _queryPanels = room.Take(QueryBlock * plan.Dim);
            _gradientPanels = room.Take(QueryBlock * plan.Dim);
            _queries = room.Take(QueryBlock * wide);
            _gradients = room.Take(QueryBlock * wide);
            _dQueries = room.Take(QueryBlock * wide);
            _shares = room.Take(QueryBlock * KeyBlock);
            _dScores = room.Take(QueryBlock * KeyBlock);
            _lse = room.Take(QueryBlock);
            _delta = room.Take(QueryBlock);
        }

        /// <summary>What it takes at most.</summary>
        /// <param name="bounds">where parts of the keys begin, and the end</param>
        public static long RoomOf(Plan plan, int[] bounds)
        {
            long rows = Enumerable.Range(1, bounds.Length - 1).Max(part => bounds[part] - bounds[part - 1]) + Tiles.Rows;
            return (4 * rows * plan.Wide) + (QueryBlock * ((2 * plan.Dim) + (3 * plan.Wide) + (2 * KeyBlock) + 2));
        }

        /// <summary>Adds what one head's queries have to say; writes the queries' own gradient by these keys.</summary>
        public void Add(Column gradient, Column query, Column mixed, Column lse, Column dQuery)
        {
            (Sight sight, int dim, int wide) = (_plan.Sight, _plan.Dim, _plan.Wide);
            int last = sight.LastQuery(_to - 1);
            for (int start = sight.FirstQuery(_from) / QueryBlock * QueryBlock; start <= last; start += QueryBlock)
            {
                int count = Math.Min(QueryBlock, sight.Queries - start);
                Tiles.Turn(query.At(start), query.Step, _queryPanels, count, dim, _plan.Scale);
                Tiles.Turn(gradient.At(start), gradient.Step, _gradientPanels, count, dim, 1);
                Tiles.Copy(query.At(start), query.Step, _queries, wide, count, dim, wide, _plan.Scale);
                Tiles.Copy(gradient.At(start), gradient.Step, _gradients, wide, count, dim, wide, 1);
                for (int row = 0; row < QueryBlock; row++)
                {
                    (_lse[row], _delta[row]) = row < count ? (*lse.At(start + row), Tiles.Dot(gradient.At(start + row), mixed.At(start + row), dim)) : (0, 0);
                }
                new Span<float>(_dQueries, QueryBlock * wide).Clear();
                Block block = new(sight, start, count);
                int firstKey = Math.Max(_from, _from + ((sight.FirstKey(start) - _from) / KeyBlock * KeyBlock)), lastKey = Math.Min(_to - 1, sight.LastKey(start + count - 1));
                for (int keyStart = firstKey; keyStart <= lastKey; keyStart += KeyBlock)
                {
                    AddBlock(block, keyStart, Math.Min(KeyBlock, _to - keyStart));
                }
                Tiles.Copy(_dQueries, wide, dQuery.At(start), dQuery.Step, count, dim, dim, _plan.Scale);
            }
        }

        /// <summary>dV += P^T dO, dP = dO V^T, dS = P (dP - delta), dK += dS^T Q, dQ += dS K, of <paramref name="keys"/> keys.</summary>
        private void AddBlock(Block block, int keyStart, int keys)
        {
            (int dim, int wide, nint place) = (_plan.Dim, _plan.Wide, (nint)(keyStart - _from) * _plan.Wide);
            block.Scores(_keys + place, wide, dim, _queryPanels, keyStart, _shares);
            block.Scores(_values + place, wide, dim, _gradientPanels, keyStart, _dScores);
            block.SharesAndGradients(keyStart, _shares, _dScores, _lse, _delta);
            for (int row = 0; row < keys; row += Tiles.Rows)
            {
                (int first, int end) = block.QueriesOf(keyStart + row);
                if (first < end)
                {
                    nint key = place + (row * wide);
                    Tiles.Multiply(_shares + (row * QueryBlock) + first, QueryBlock, 1, _gradients + (first * wide), wide, _dValues + key, wide, wide, end - first, adds: true);
                    Tiles.Multiply(_dScores + (row * QueryBlock) + first, QueryBlock, 1, _queries + (first * wide), wide, _dKeys + key, wide, wide, end - first, adds: true);
                }
            }
            for (int row = 0; row < block.Count; row += Tiles.Rows)
            {
                (int first, int end) = block.KeysOf(row, keyStart);
                if (first < end)
                {
                    Tiles.Multiply(_dScores + (first * QueryBlock) + row, 1, QueryBlock, _keys + place + (first * wide), wide, _dQueries + (row * wide), wide, wide, end - first, adds: true);
                }
            }
        }

        public void Write(Column dKey, Column dValue)
        {
            Tiles.Copy(_dKeys, _plan.Wide, dKey.At(_from), dKey.Step, _to - _from, _plan.Dim, _plan.Dim, 1);
            Tiles.Copy(_dValues, _plan.Wide, dValue.At(_from), dValue.Step, _to - _from, _plan.Dim, _plan.Dim, 1);
        }
    }

    /// <summary>The scores of up to 192 queries of one head, from the <paramref name="Start"/>th on.</summary>
    private readonly record struct Block(Sight Sight, int Start, int Count)
    {
        /// <summary>Of the keys from <paramref name="keyStart"/> on, those that some of six queries see, as first and end.</summary>
        public (int First, int End) KeysOf(int row, int keyStart) => Keys(row, row + Tiles.Rows - 1, keyStart);

        /// <summary>Of the queries, those that see some of six keys.</summary>
        public (int First, int End) QueriesOf(int key) => (Math.Max(0, Sight.FirstQuery(key) - Start), Math.Min(Count, Sight.LastQuery(key + Tiles.Rows - 1) - Start + 1));

        /// <summary>to[key, lane] = rows[key] . panels[lane], where a query sees the key and up to the edges of tiles around.</summary>
        /// <param name="rows">[96, W]</param>
        /// <param name="panels">[panel, D, lane]</param>
        public void Scores(float* rows, int wide, int dim, float* panels, int keyStart, float* to)
        {
            for (int lane = 0; lane < Count; lane += Tiles.Columns)
            {
                (int first, int end) = TilesOf(lane, keyStart);
                for (int key = first; key < end; key += Tiles.Rows)
                {
                    Tiles.Multiply(rows + (key * wide), wide, 1, panels + (lane * dim), Tiles.Columns, to + (key * QueryBlock) + lane, QueryBlock, Tiles.Columns, dim, adds: false);
                }
            }
        }

        /// <summary>Scores become e^(score - largest so far), which the sums so far have to follow.</summary>
        /// <param name="decay">what they are to be multiplied with</param>
        /// <returns>whether one is not 1</returns>
        public bool Softmax(int keyStart, float* scores, float* largest, float* total, float* decay)
        {
            bool grew = false;
            for (int lane = 0; lane < Count; lane += Tiles.Lanes)
            {
                (int first, int end) = TilesOf(lane / Tiles.Columns * Tiles.Columns, keyStart);
                Seen seen = new(Sight, Start + lane);
                Vector512<float> before = Vector512.Load(largest + lane), largestNow = before, sum = default;
                for (int key = first; key < end; key++)
                {
                    float* place = scores + (key * QueryBlock) + lane;
                    Vector512<float> score = Vector512.Load(place);
                    if (!seen.Wholly(keyStart + key))
                    {
                        score = Vector512.ConditionalSelect(seen.Lanes(keyStart + key), score, Vector512.Create(float.NegativeInfinity));
                        score.Store(place);
                    }
                    largestNow = Vector512.MaxNative(score, largestNow); // the second where the first is NaN: it comes back as a share
                }
                for (int key = first; key < end; key++)
                {
                    float* place = scores + (key * QueryBlock) + lane;
                    Vector512<float> share = Tiles.Exp(Vector512.Load(place) - largestNow);
                    share.Store(place);
                    sum += share;
                }
                Vector512<float> factor = Tiles.Exp(before - largestNow);
                Vector512.FusedMultiplyAdd(Vector512.Load(total + lane), factor, sum).Store(total + lane);
                largestNow.Store(largest + lane);
                factor.Store(decay + lane);
                grew |= !Vector512.EqualsAll(before, largestNow);
            }
            return grew;
        }

        /// <summary>Scores become shares P = e^(score - L), and their gradients dP become P (dP - delta).</summary>
        public void SharesAndGradients(int keyStart, float* scores, float* gradients, float* lse, float* delta)
        {
            for (int lane = 0; lane < Count; lane += Tiles.Lanes)
            {
                (int first, int end) = TilesOf(lane / Tiles.Columns * Tiles.Columns, keyStart);
                Seen seen = new(Sight, Start + lane);
                Vector512<float> sum = Vector512.Load(lse + lane), mean = Vector512.Load(delta + lane);
                for (int key = first; key < end; key++)
                {
                    int place = (key * QueryBlock) + lane;
                    Vector512<float> share = Tiles.Exp(Vector512.Load(scores + place) - sum);
                    if (!seen.Wholly(keyStart + key))
                    {
                        share = Vector512.ConditionalSelect(seen.Lanes(keyStart + key), share, default);
                    }
                    share.Store(scores + place);
                    (share * (Vector512.Load(gradients + place) - mean)).Store(gradients + place);
                }
            }
        }

        /// <summary>Of the keys from <paramref name="keyStart"/> on, those of tiles of which some query of a panel sees something, or one that shares six rows with it.</summary>
        private (int First, int End) TilesOf(int panel, int keyStart)
        {
            (int first, int end) = Keys(panel / Tiles.Rows * Tiles.Rows, Tiles.RoundUp(Math.Min(Count, panel + Tiles.Columns), Tiles.Rows) - 1, keyStart);
            return (first / Tiles.Rows * Tiles.Rows, Tiles.RoundUp(end, Tiles.Rows));
        }

        private (int First, int End) Keys(int firstRow, int lastRow, int keyStart) =>
            (Math.Max(0, Sight.FirstKey(Start + firstRow) - keyStart), Math.Min(KeyBlock, Sight.LastKey(Start + lastRow) - keyStart + 1));
    }

    /// <summary>What 16 queries see.</summary>
    private readonly ref struct Seen(Sight sight, int query)
    {
        private readonly int _firstOfAll = sight.FirstKey(query + Tiles.Lanes - 1), _lastOfAll = sight.LastKey(query);
        private readonly Vector512<int> _token = Vector512<int>.Indices + Vector512.Create(query + sight.Keys - sight.Queries);

        public bool Wholly(int key) => key >= _firstOfAll && key <= _lastOfAll;

        public Vector512<float> Lanes(int key) =>
            (Vector512.GreaterThanOrEqual(_token, Vector512.Create(key)) & Vector512.LessThan(_token, Vector512.Create((int)Math.Min(int.MaxValue, (long)key + sight.Window)))).AsSingle();
    }

    /// <summary>One attention's shapes, and who shares its work.</summary>
    private sealed class Plan(Tensor query, Tensor key, int? window)
    {
        private readonly int _threads = query.size(0) * query.size(1) * key.size(1) * query.size(2) < LeastWork ? 1 : get_num_threads();

        public Sight Sight { get; } = new((int)query.size(1), (int)key.size(1), window ?? (int)key.size(1));
        public int Sequences { get; } = (int)query.size(0);
        public int Heads { get; } = (int)query.size(2);
        public int KvHeads { get; } = (int)key.size(2);
        public int Dim { get; } = (int)query.size(3);
        public int Group => Heads / KvHeads;
        public int Wide => Tiles.RoundUp(Dim, Tiles.Columns / 2);
        public float Scale => 1 / MathF.Sqrt(Dim);

        /// <summary>Into how many parts a head's work is cut, so that it comes out even or the parts are many.</summary>
        public int Parts(int heads, int most)
        {
            int parts = 1;
            while (parts < most && heads * parts % _threads != 0 && heads * parts < 8 * _threads)
            {
                parts++;
            }
            return parts;
        }

        /// <summary>Whoever is free takes the next; what comes out does not depend on who did.</summary>
        /// <param name="room">numbers that one of them takes at most</param>
        public void Each(int units, long room, Action<int, Room> work)
        {
            // By libtorch, whose heap keeps what was freed: the thread's own would give it back, and clearing its pages again took 3 % of a step.
            using Tensor rooms = empty([_threads, room + Tiles.Lanes], ScalarType.Float32, CPU);
            Grid all = new(rooms.view(1, _threads, 1, -1));
            Cores.Each(_threads, units, (thread, unit) => work(unit, new Room(all.Of(0, 0).At(thread))));
        }
    }

    /// <summary>A tensor's memory [N, tokens, heads, D], whose scope outlives this.</summary>
    private readonly struct Grid
    {
        private readonly float* _start;
        private readonly nint _sequence, _token, _head;

        public Grid(Tensor tensor)
        {
            Tensor plain = tensor.size(-1) == 1 || tensor.stride(-1) == 1 ? tensor : tensor.contiguous();
            _start = TensorStart.Of<float>(plain);
            (_sequence, _token, _head) = ((nint)plain.stride(0), (nint)plain.stride(1), (nint)plain.stride(2));
        }

        public Column Of(int sequence, int head) => new(_start + (sequence * _sequence) + (head * _head), _token);
    }

    /// <summary>One head's rows of D numbers, a token each.</summary>
    private readonly struct Column(float* start, nint step)
    {
        public nint Step => step;

        public float* At(int token) => start + (token * step);
    }

    /// <summary>Memory for one piece of work, handed out from its start.</summary>
    private sealed class Room(float* start)
    {
        private const nuint Line = 64; // bytes that tiles begin at a multiple of

        private float* _free = (float*)(((nuint)start + Line - 1) / Line * Line);

        /// <param name="numbers">a multiple of 16</param>
        public float* Take(int numbers)
        {
            float* taken = _free;
            _free += numbers;
            return taken;
        }

        public float* Zeros(int numbers)
        {
            float* taken = Take(numbers);
            new Span<float>(taken, numbers).Clear();
            return taken;
        }

        /// <summary>Rows from the <paramref name="first"/>th on, as a matrix of its own [rows, W]; zeros after the last key and dimension.</summary>
        public float* Rows(Column from, int first, int rows, Plan plan)
        {
            float* to = Take(rows * plan.Wide);
            int there = Math.Min(rows, plan.Sight.Keys - first);
            Tiles.Copy(from.At(first), from.Step, to, plan.Wide, there, plan.Dim, plan.Wide, 1);
            new Span<float>(to + (there * plan.Wide), (rows - there) * plan.Wide).Clear();
            return to;
        }
    }
}
