namespace Skipwise.Models.Fused;

/// <summary>The gradients of some keys and their values, summed up over the query heads that share them.</summary>
internal sealed unsafe class KeyGradients
{
    private readonly AttentionPlan _plan;
    private readonly int _from, _to;
    private readonly float* _keys, _values, _dKeys, _dValues; // [rows, W]
    private readonly float* _queryPanels, _gradientPanels; // [panel, D, lane]
    private readonly float* _queries, _gradients, _dQueries; // [192, W]
    private readonly float* _shares, _dScores; // [96, 192]
    private readonly float* _lse, _delta; // [192]

    public KeyGradients(AttentionPlan plan, Workspace room, int from, int to, HeadRows key, HeadRows value)
    {
        (_plan, _from, _to) = (plan, from, to);
        (int wide, int rows) = (plan.Wide, Tiles.RoundUp(to - from, Tiles.Rows));
        _keys = room.Rows(key, from, rows, plan);
        _values = room.Rows(value, from, rows, plan);
        _dKeys = room.Zeros(rows * wide);
        _dValues = room.Zeros(rows * wide);
        _queryPanels = room.Take(ScoreBlock.Queries * plan.Dim);
        _gradientPanels = room.Take(ScoreBlock.Queries * plan.Dim);
        _queries = room.Take(ScoreBlock.Queries * wide);
        _gradients = room.Take(ScoreBlock.Queries * wide);
        _dQueries = room.Take(ScoreBlock.Queries * wide);
        _shares = room.Take(ScoreBlock.Queries * ScoreBlock.Keys);
        _dScores = room.Take(ScoreBlock.Queries * ScoreBlock.Keys);
        _lse = room.Take(ScoreBlock.Queries);
        _delta = room.Take(ScoreBlock.Queries);
    }

    /// <summary>What it takes at most.</summary>
    /// <param name="bounds">where parts of the keys begin, and the end</param>
    public static long RoomOf(AttentionPlan plan, int[] bounds)
    {
        long rows = Enumerable.Range(1, bounds.Length - 1).Max(part => bounds[part] - bounds[part - 1]) + Tiles.Rows;
        return (4 * rows * plan.Wide) + (ScoreBlock.Queries * ((2 * plan.Dim) + (3 * plan.Wide) + (2 * ScoreBlock.Keys) + 2));
    }

    /// <summary>Adds what one head's queries have to say; writes the queries' own gradient by these keys.</summary>
    public void Add(HeadRows gradient, HeadRows query, HeadRows mixed, HeadRows lse, HeadRows dQuery)
    {
        (Sight sight, int dim, int wide) = (_plan.Sight, _plan.Dim, _plan.Wide);
        int last = sight.LastQuery(_to - 1);
        for (int start = sight.FirstQuery(_from) / ScoreBlock.Queries * ScoreBlock.Queries; start <= last; start += ScoreBlock.Queries)
        {
            int count = Math.Min(ScoreBlock.Queries, sight.Queries - start);
            Tiles.Turn(query.At(start), query.Step, _queryPanels, count, dim, _plan.Scale);
            Tiles.Turn(gradient.At(start), gradient.Step, _gradientPanels, count, dim, 1);
            Tiles.Copy(query.At(start), query.Step, _queries, wide, count, dim, wide, _plan.Scale);
            Tiles.Copy(gradient.At(start), gradient.Step, _gradients, wide, count, dim, wide, 1);
            for (int row = 0; row < ScoreBlock.Queries; row++)
            {
                (_lse[row], _delta[row]) = row < count ? (*lse.At(start + row), Tiles.Dot(gradient.At(start + row), mixed.At(start + row), dim)) : (0, 0);
            }
            new Span<float>(_dQueries, ScoreBlock.Queries * wide).Clear();
            ScoreBlock block = new(sight, start, count);
            int firstKey = Math.Max(_from, _from + ((sight.FirstKey(start) - _from) / ScoreBlock.Keys * ScoreBlock.Keys)), lastKey = Math.Min(_to - 1, sight.LastKey(start + count - 1));
            for (int keyStart = firstKey; keyStart <= lastKey; keyStart += ScoreBlock.Keys)
            {
                AddBlock(block, keyStart, Math.Min(ScoreBlock.Keys, _to - keyStart));
            }
            Tiles.Copy(_dQueries, wide, dQuery.At(start), dQuery.Step, count, dim, dim, _plan.Scale);
        }
    }

    /// <summary>dV += P^T dO, dP = dO V^T, dS = P (dP - delta), dK += dS^T Q, dQ += dS K, of <paramref name="keys"/> keys.</summary>
    private void AddBlock(ScoreBlock block, int keyStart, int keys)
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
                Tiles.Multiply(_shares + (row * ScoreBlock.Queries) + first, ScoreBlock.Queries, 1, _gradients + (first * wide), wide, _dValues + key, wide, wide, end - first, adds: true);
                Tiles.Multiply(_dScores + (row * ScoreBlock.Queries) + first, ScoreBlock.Queries, 1, _queries + (first * wide), wide, _dKeys + key, wide, wide, end - first, adds: true);
            }
        }
        for (int row = 0; row < block.Count; row += Tiles.Rows)
        {
            (int first, int end) = block.KeysOf(row, keyStart);
            if (first < end)
            {
                Tiles.Multiply(_dScores + (first * ScoreBlock.Queries) + row, 1, ScoreBlock.Queries, _keys + place + (first * wide), wide, _dQueries + (row * wide), wide, wide, end - first, adds: true);
            }
        }
    }

    public void Write(HeadRows dKey, HeadRows dValue)
    {
        Tiles.Copy(_dKeys, _plan.Wide, dKey.At(_from), dKey.Step, _to - _from, _plan.Dim, _plan.Dim, 1);
        Tiles.Copy(_dValues, _plan.Wide, dValue.At(_from), dValue.Step, _to - _from, _plan.Dim, _plan.Dim, 1);
    }
}
