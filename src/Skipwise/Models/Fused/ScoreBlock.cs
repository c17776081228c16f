using System.Runtime.Intrinsics;

namespace Skipwise.Models.Fused;

/// <summary>The scores of up to 192 queries of one head, from the <paramref name="Start"/>th on.</summary>
internal readonly unsafe record struct ScoreBlock(Sight Sight, int Start, int Count)
{
    /// <summary>of a block: a multiple of a tile's columns, and of its rows</summary>
    public const int Queries = 192;
    /// <summary>a multiple of a tile's rows</summary>
    public const int Keys = 96;

    /// <summary>Of the keys from <paramref name="keyStart"/> on, those that some of six queries see, as first and end.</summary>
    public (int First, int End) KeysOf(int row, int keyStart) => Between(row, row + Tiles.Rows - 1, keyStart);

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
                Tiles.Multiply(rows + (key * wide), wide, 1, panels + (lane * dim), Tiles.Columns, to + (key * Queries) + lane, Queries, Tiles.Columns, dim, adds: false);
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
                float* place = scores + (key * Queries) + lane;
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
                float* place = scores + (key * Queries) + lane;
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
                int place = (key * Queries) + lane;
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
        (int first, int end) = Between(panel / Tiles.Rows * Tiles.Rows, Tiles.RoundUp(Math.Min(Count, panel + Tiles.Columns), Tiles.Rows) - 1, keyStart);
        return (first / Tiles.Rows * Tiles.Rows, Tiles.RoundUp(end, Tiles.Rows));
    }

    private (int First, int End) Between(int firstRow, int lastRow, int keyStart) =>
        (Math.Max(0, Sight.FirstKey(Start + firstRow) - keyStart), Math.Min(Keys, Sight.LastKey(Start + lastRow) - keyStart + 1));
}

/// <summary>What 16 queries see.</summary>
internal readonly ref struct Seen(Sight sight, int query)
{
    private readonly int _firstOfAll = sight.FirstKey(query + Tiles.Lanes - 1), _lastOfAll = sight.LastKey(query);
    private readonly Vector512<int> _token = Vector512<int>.Indices + Vector512.Create(query + sight.Keys - sight.Queries);

    public bool Wholly(int key) => key >= _firstOfAll && key <= _lastOfAll;

    public Vector512<float> Lanes(int key) =>
        (Vector512.GreaterThanOrEqual(_token, Vector512.Create(key)) & Vector512.LessThan(_token, Vector512.Create((int)Math.Min(int.MaxValue, (long)key + sight.Window)))).AsSingle();
}
