namespace Skipwise.Kernels;

/// <summary>Gradients of a range of keys and values, summed over the query heads that share them.</summary>
/// <typeparam name="TLanes">operations of the vector</typeparam>
/// <typeparam name="T">the vector</typeparam>
internal sealed unsafe class KeyValueGradients<TLanes, T> where TLanes : ILanes<T> where T : struct
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
        (int paddedDim, int rows) = (plan.PaddedDim, TilePlan.RoundUp(to - from, TilePlan.TileRows));
        _keys = scratch.CopyRows<TLanes, T>(key, from, rows, plan);
        _values = scratch.CopyRows<TLanes, T>(value, from, rows, plan);
        _dKeys = scratch.AllocateZeroed(rows * paddedDim);
        _dValues = scratch.AllocateZeroed(rows * paddedDim);
        _queryPanels = scratch.Allocate(TilePlan.QueryBlock * plan.Dim);
        _gradientPanels = scratch.Allocate(TilePlan.QueryBlock * plan.Dim);
        _queries = scratch.Allocate(TilePlan.QueryBlock * paddedDim);
        _gradients = scratch.Allocate(TilePlan.QueryBlock * paddedDim);
        _dQueries = scratch.Allocate(TilePlan.QueryBlock * paddedDim);
        _probabilities = scratch.Allocate(TilePlan.QueryBlock * TilePlan.KeyBlock);
        _dScores = scratch.Allocate(TilePlan.QueryBlock * TilePlan.KeyBlock);
        _lse = scratch.Allocate(TilePlan.QueryBlock);
        _delta = scratch.Allocate(TilePlan.QueryBlock);
    }

    /// <summary>Scratch elements that it needs at most.</summary>
    /// <param name="bounds">starts of the parts of the keys, and the end</param>
    public static long ScratchSize(TilePlan plan, int[] bounds)
    {
        long rows = Enumerable.Range(1, bounds.Length - 1).Max(part => bounds[part] - bounds[part - 1]) + TilePlan.TileRows;
        long perQuery = (2 * plan.Dim) + (3 * plan.PaddedDim) + (2 * TilePlan.KeyBlock) + 2;
        return (4 * rows * plan.PaddedDim) + (TilePlan.QueryBlock * perQuery);
    }

    /// <summary>Accumulates dK and dV from one query head and writes that head's contribution to dQ for this key range.</summary>
    public void AccumulateHead(HeadView gradient, HeadView query, HeadView output, HeadView lse, HeadView dQuery)
    {
        (CausalWindow window, int dim, int paddedDim) = (_plan.Window, _plan.Dim, _plan.PaddedDim);
        int last = window.LastQuery(_to - 1);
        int begin = window.FirstQuery(_from) / TilePlan.QueryBlock * TilePlan.QueryBlock;
        for (int start = begin; start <= last; start += TilePlan.QueryBlock)
        {
            int count = Math.Min(TilePlan.QueryBlock, window.Queries - start);
            VectorGemm<TLanes, T>.PackTransposed(query.Row(start), query.RowStride, _queryPanels, count, dim, _plan.Scale);
            VectorGemm<TLanes, T>.PackTransposed(gradient.Row(start), gradient.RowStride, _gradientPanels, count, dim, 1);
            VectorGemm<TLanes, T>.ScaledCopy(query.Row(start), query.RowStride, _queries, paddedDim, count, dim, paddedDim, _plan.Scale);
            VectorGemm<TLanes, T>.ScaledCopy(gradient.Row(start), gradient.RowStride, _gradients, paddedDim, count, dim, paddedDim, 1);
            for (int row = 0; row < TilePlan.QueryBlock; row++)
            {
                (_lse[row], _delta[row]) = row < count
                    ? (*lse.Row(start + row), Dot(gradient.Row(start + row), output.Row(start + row), dim))
                    : (0, 0);
            }
            new Span<float>(_dQueries, TilePlan.QueryBlock * paddedDim).Clear();
            ScoreBlock<TLanes, T> block = new(window, start, count);
            int firstKey = Math.Max(_from, _from + ((window.FirstKey(start) - _from) / TilePlan.KeyBlock * TilePlan.KeyBlock));
            int lastKey = Math.Min(_to - 1, window.LastKey(start + count - 1));
            for (int keyStart = firstKey; keyStart <= lastKey; keyStart += TilePlan.KeyBlock)
            {
                AccumulateBlock(block, keyStart, Math.Min(TilePlan.KeyBlock, _to - keyStart));
            }
            VectorGemm<TLanes, T>.ScaledCopy(_dQueries, paddedDim, dQuery.Row(start), dQuery.RowStride, count, dim, dim, _plan.Scale);
        }
    }

    /// <summary>dV += P^T dO, dP = dO V^T, dS = P (dP - delta), dK += dS^T Q, dQ += dS K, of <paramref name="keys"/> keys.</summary>
    private void AccumulateBlock(ScoreBlock<TLanes, T> block, int keyStart, int keys)
    {
        (int dim, int paddedDim, nint offset) = (_plan.Dim, _plan.PaddedDim, (nint)(keyStart - _from) * _plan.PaddedDim);
        block.ComputeScores(_keys + offset, paddedDim, dim, _queryPanels, keyStart, _probabilities);
        block.ComputeScores(_values + offset, paddedDim, dim, _gradientPanels, keyStart, _dScores);
        block.ProbabilitiesAndGradients(keyStart, _probabilities, _dScores, _lse, _delta);
        for (int row = 0; row < keys; row += TilePlan.TileRows)
        {
            (int first, int end) = block.AttendingQueries(keyStart + row);
            if (first < end)
            {
                nint key = offset + (row * paddedDim);
                VectorGemm<TLanes, T>.Multiply(
                    _probabilities + (row * TilePlan.QueryBlock) + first, TilePlan.QueryBlock, 1,
                    _gradients + (first * paddedDim), paddedDim, _dValues + key, paddedDim, paddedDim, end - first, adds: true);
                VectorGemm<TLanes, T>.Multiply(
                    _dScores + (row * TilePlan.QueryBlock) + first, TilePlan.QueryBlock, 1, _queries + (first * paddedDim),
                    paddedDim, _dKeys + key, paddedDim, paddedDim, end - first, adds: true);
            }
        }
        for (int row = 0; row < block.Count; row += TilePlan.TileRows)
        {
            (int first, int end) = block.VisibleKeys(row, keyStart);
            if (first < end)
            {
                VectorGemm<TLanes, T>.Multiply(
                    _dScores + (first * TilePlan.QueryBlock) + row, 1, TilePlan.QueryBlock,
                    _keys + offset + (first * paddedDim), paddedDim, _dQueries + (row * paddedDim), paddedDim, paddedDim, end - first,
                    adds: true);
            }
        }
    }

    public void Write(HeadView dKey, HeadView dValue)
    {
        (int rows, int dim, int paddedDim) = (_to - _from, _plan.Dim, _plan.PaddedDim);
        VectorGemm<TLanes, T>.ScaledCopy(_dKeys, paddedDim, dKey.Row(_from), dKey.RowStride, rows, dim, dim, 1);
        VectorGemm<TLanes, T>.ScaledCopy(_dValues, paddedDim, dValue.Row(_from), dValue.RowStride, rows, dim, dim, 1);
    }

    private static float Dot(float* a, float* b, int size) => VectorMath<TLanes, T>.Dot<Float32Element>((byte*)a, (byte*)b, size);
}
