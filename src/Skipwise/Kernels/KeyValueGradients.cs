namespace Skipwise.Kernels;

/// <summary>Gradients of a range of keys and values, summed over the query heads that share them.</summary>
internal sealed unsafe class KeyValueGradients
{
    private readonly TilePlan _plan;
    private readonly int _from, _to;
    private readonly float* _keys, _values, _dKeys, _dValues; // [rows, W]
    private readonly float* _queryPanels, _gradientPanels; // [panel, D, lane]
    private readonly float* _queries, _gradients, _dQueries; // [192, W]
    private readonly float* _probabilities, _dScores; // [96, 192]
    private readonly float* _lse, _delta; // [192]

    public KeyValueGradients(TilePlan plan, Workspace scratch, int from, int to, HeadView key, HeadView value)
    {
        (_plan, _from, _to) = (plan, from, to);
        (int paddedDim, int rows) = (plan.PaddedDim, Avx512Gemm.RoundUp(to - from, Avx512Gemm.TileRows));
        _keys = scratch.CopyRows(key, from, rows, plan);
        _values = scratch.CopyRows(value, from, rows, plan);
        _dKeys = scratch.AllocateZeroed(rows * paddedDim);
        _dValues = scratch.AllocateZeroed(rows * paddedDim);
        _queryPanels = scratch.Allocate(ScoreBlock.QueryBlockSize * plan.Dim);
        _gradientPanels = scratch.Allocate(ScoreBlock.QueryBlockSize * plan.Dim);
        _queries = scratch.Allocate(ScoreBlock.QueryBlockSize * paddedDim);
        _gradients = scratch.Allocate(ScoreBlock.QueryBlockSize * paddedDim);
        _dQueries = scratch.Allocate(ScoreBlock.QueryBlockSize * paddedDim);
        _probabilities = scratch.Allocate(ScoreBlock.QueryBlockSize * ScoreBlock.KeyBlockSize);
        _dScores = scratch.Allocate(ScoreBlock.QueryBlockSize * ScoreBlock.KeyBlockSize);
        _lse = scratch.Allocate(ScoreBlock.QueryBlockSize);
        _delta = scratch.Allocate(ScoreBlock.QueryBlockSize);
    }

    /// <summary>Scratch elements that it needs at most.</summary>
    /// <param name="bounds">starts of the parts of the keys, and the end</param>
    public static long ScratchSize(TilePlan plan, int[] bounds)
    {
        long rows = Enumerable.Range(1, bounds.Length - 1).Max(part => bounds[part] - bounds[part - 1]) + Avx512Gemm.TileRows;
        long perQuery = (2 * plan.Dim) + (3 * plan.PaddedDim) + (2 * ScoreBlock.KeyBlockSize) + 2;
        return (4 * rows * plan.PaddedDim) + (ScoreBlock.QueryBlockSize * perQuery);
    }

    /// <summary>Accumulates dK and dV from one query head and writes that head's contribution to dQ for this key range.</summary>
    public void AccumulateHead(HeadView gradient, HeadView query, HeadView output, HeadView lse, HeadView dQuery)
    {
        (CausalWindow window, int dim, int paddedDim) = (_plan.Window, _plan.Dim, _plan.PaddedDim);
        int last = window.LastQuery(_to - 1);
        int begin = window.FirstQuery(_from) / ScoreBlock.QueryBlockSize * ScoreBlock.QueryBlockSize;
        for (int start = begin; start <= last; start += ScoreBlock.QueryBlockSize)
        {
            int count = Math.Min(ScoreBlock.QueryBlockSize, window.Queries - start);
            Avx512Gemm.PackTransposed(query.Row(start), query.RowStride, _queryPanels, count, dim, _plan.Scale);
            Avx512Gemm.PackTransposed(gradient.Row(start), gradient.RowStride, _gradientPanels, count, dim, 1);
            Avx512Gemm.ScaledCopy(query.Row(start), query.RowStride, _queries, paddedDim, count, dim, paddedDim, _plan.Scale);
            Avx512Gemm.ScaledCopy(gradient.Row(start), gradient.RowStride, _gradients, paddedDim, count, dim, paddedDim, 1);
            for (int row = 0; row < ScoreBlock.QueryBlockSize; row++)
            {
                (_lse[row], _delta[row]) = row < count
                    ? (*lse.Row(start + row), Avx512Gemm.Dot(gradient.Row(start + row), output.Row(start + row), dim))
                    : (0, 0);
            }
            new Span<float>(_dQueries, ScoreBlock.QueryBlockSize * paddedDim).Clear();
            ScoreBlock block = new(window, start, count);
            int firstKey = Math.Max(_from, _from + ((window.FirstKey(start) - _from) / ScoreBlock.KeyBlockSize * ScoreBlock.KeyBlockSize));
            int lastKey = Math.Min(_to - 1, window.LastKey(start + count - 1));
            for (int keyStart = firstKey; keyStart <= lastKey; keyStart += ScoreBlock.KeyBlockSize)
            {
                AccumulateBlock(block, keyStart, Math.Min(ScoreBlock.KeyBlockSize, _to - keyStart));
            }
            Avx512Gemm.ScaledCopy(_dQueries, paddedDim, dQuery.Row(start), dQuery.RowStride, count, dim, dim, _plan.Scale);
        }
    }

    /// <summary>dV += P^T dO, dP = dO V^T, dS = P (dP - delta), dK += dS^T Q, dQ += dS K, of <paramref name="keys"/> keys.</summary>
    private void AccumulateBlock(ScoreBlock block, int keyStart, int keys)
    {
        (int dim, int paddedDim, nint offset) = (_plan.Dim, _plan.PaddedDim, (nint)(keyStart - _from) * _plan.PaddedDim);
        block.ComputeScores(_keys + offset, paddedDim, dim, _queryPanels, keyStart, _probabilities);
        block.ComputeScores(_values + offset, paddedDim, dim, _gradientPanels, keyStart, _dScores);
        block.ProbabilitiesAndGradients(keyStart, _probabilities, _dScores, _lse, _delta);
        for (int row = 0; row < keys; row += Avx512Gemm.TileRows)
        {
            (int first, int end) = block.AttendingQueries(keyStart + row);
            if (first < end)
            {
                nint key = offset + (row * paddedDim);
                Avx512Gemm.Multiply(
                    _probabilities + (row * ScoreBlock.QueryBlockSize) + first, ScoreBlock.QueryBlockSize, 1,
                    _gradients + (first * paddedDim), paddedDim, _dValues + key, paddedDim, paddedDim, end - first, adds: true);
                Avx512Gemm.Multiply(
                    _dScores + (row * ScoreBlock.QueryBlockSize) + first, ScoreBlock.QueryBlockSize, 1, _queries + (first * paddedDim),
                    paddedDim, _dKeys + key, paddedDim, paddedDim, end - first, adds: true);
            }
        }
        for (int row = 0; row < block.Count; row += Avx512Gemm.TileRows)
        {
            (int first, int end) = block.VisibleKeys(row, keyStart);
            if (first < end)
            {
                Avx512Gemm.Multiply(
                    _dScores + (first * ScoreBlock.QueryBlockSize) + row, 1, ScoreBlock.QueryBlockSize,
                    _keys + offset + (first * paddedDim), paddedDim, _dQueries + (row * paddedDim), paddedDim, paddedDim, end - first,
                    adds: true);
            }
        }
    }

    public void Write(HeadView dKey, HeadView dValue)
    {
        Avx512Gemm.ScaledCopy(_dKeys, _plan.PaddedDim, dKey.Row(_from), dKey.RowStride, _to - _from, _plan.Dim, _plan.Dim, 1);
        Avx512Gemm.ScaledCopy(_dValues, _plan.PaddedDim, dValue.Row(_from), dValue.RowStride, _to - _from, _plan.Dim, _plan.Dim, 1);
    }
}
