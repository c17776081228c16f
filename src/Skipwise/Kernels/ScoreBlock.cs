using System.Runtime.CompilerServices;

namespace Skipwise.Kernels;

/// <summary>Scores of up to 192 queries of one head, starting at <paramref name="Start"/>.</summary>
/// <typeparam name="TLanes">operations of the vector</typeparam>
/// <typeparam name="T">the vector</typeparam>
internal readonly unsafe record struct ScoreBlock<TLanes, T>(CausalWindow Window, int Start, int Count)
    where TLanes : ILanes<T> where T : struct
{
    private const int QueryBlock = TilePlan.QueryBlock, TileRows = TilePlan.TileRows;

    private static int TileColumns
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => VectorGemm<TLanes, T>.TileColumns;
    }

    /// <summary>Keys from <paramref name="keyStart"/> on that any of six queries attends to, as [first, end).</summary>
    public (int First, int End) VisibleKeys(int row, int keyStart) => VisibleRange(row, row + TileRows - 1, keyStart);

    /// <summary>Queries that attend to any of six keys, as [first, end).</summary>
    public (int First, int End) AttendingQueries(int key) =>
        (Math.Max(0, Window.FirstQuery(key) - Start), Math.Min(Count, Window.LastQuery(key + TileRows - 1) - Start + 1));

    /// <summary>to[key, lane] = rows[key] . panels[lane] for all tiles with a visible key.</summary>
    /// <param name="rows">[96, W]</param>
    /// <param name="panels">[panel, D, lane]</param>
    public void ComputeScores(float* rows, int paddedDim, int dim, float* panels, int keyStart, float* to)
    {
        for (int lane = 0; lane < Count; lane += TileColumns)
        {
            (int first, int end) = VisibleTiles(lane, keyStart);
            for (int key = first; key < end; key += TileRows)
            {
                VectorGemm<TLanes, T>.Multiply(
                    rows + (key * paddedDim), paddedDim, 1, panels + (lane * dim), TileColumns,
                    to + (key * QueryBlock) + lane, QueryBlock, TileColumns, dim, adds: false);
            }
        }
    }

    /// <summary>Replaces scores by e^(score - running maximum); earlier sums have to be rescaled.</summary>
    /// <param name="rescale">receives the rescaling factors</param>
    /// <returns>whether a factor is not 1</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public bool Softmax(int keyStart, float* scores, float* runningMax, float* runningSum, float* rescale)
    {
        bool grew = false;
        for (int lane = 0; lane < Count; lane += TLanes.Count)
        {
            (int first, int end) = VisibleTiles(lane / TileColumns * TileColumns, keyStart);
            LaneMask mask = new(Window, Start + lane, TLanes.Count);
            T before = TLanes.Load(runningMax + lane), newMax = before, sum = default;
            for (int key = first; key < end; key++)
            {
                float* pointer = scores + (key * QueryBlock) + lane;
                T score = TLanes.Load(pointer);
                if (!mask.AllLanes(keyStart + key))
                {
                    (int from, int to) = mask.LanesOf(keyStart + key);
                    score = TLanes.Within(from, to, score, TLanes.Fill(float.NegativeInfinity));
                    TLanes.Store(score, pointer);
                }
                // max returns its second operand if the first is NaN: a NaN score reaches the probabilities
                newMax = TLanes.Max(score, newMax);
            }
            for (int key = first; key < end; key++)
            {
                float* pointer = scores + (key * QueryBlock) + lane;
                T probability = VectorMath<TLanes, T>.Exp(TLanes.Subtract(TLanes.Load(pointer), newMax));
                TLanes.Store(probability, pointer);
                sum = TLanes.Add(sum, probability);
            }
            T factor = VectorMath<TLanes, T>.Exp(TLanes.Subtract(before, newMax));
            TLanes.Store(TLanes.MultiplyAdd(TLanes.Load(runningSum + lane), factor, sum), runningSum + lane);
            TLanes.Store(newMax, runningMax + lane);
            TLanes.Store(factor, rescale + lane);
            grew |= !TLanes.EqualsAll(before, newMax);
        }
        return grew;
    }

    /// <summary>Replaces scores by probabilities P = e^(score - L), and their gradients dP by P (dP - delta).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void ProbabilitiesAndGradients(int keyStart, float* scores, float* gradients, float* lse, float* delta)
    {
        for (int lane = 0; lane < Count; lane += TLanes.Count)
        {
            (int first, int end) = VisibleTiles(lane / TileColumns * TileColumns, keyStart);
            LaneMask mask = new(Window, Start + lane, TLanes.Count);
            T sum = TLanes.Load(lse + lane), mean = TLanes.Load(delta + lane);
            for (int key = first; key < end; key++)
            {
                int offset = (key * QueryBlock) + lane;
                T probability = VectorMath<TLanes, T>.Exp(TLanes.Subtract(TLanes.Load(scores + offset), sum));
                if (!mask.AllLanes(keyStart + key))
                {
                    (int from, int to) = mask.LanesOf(keyStart + key);
                    probability = TLanes.Within(from, to, probability, default);
                }
                TLanes.Store(probability, scores + offset);
                T difference = TLanes.Subtract(TLanes.Load(gradients + offset), mean);
                TLanes.Store(TLanes.Multiply(probability, difference), gradients + offset);
            }
        }
    }

    /// <summary>Key rows (rounded out to 6-row tiles) that any query of this panel may attend to, as [first, end).</summary>
    private (int First, int End) VisibleTiles(int panel, int keyStart)
    {
        (int first, int end) = VisibleRange(
            panel / TileRows * TileRows,
            TilePlan.RoundUp(Math.Min(Count, panel + TileColumns), TileRows) - 1, keyStart);
        return (first / TileRows * TileRows, TilePlan.RoundUp(end, TileRows));
    }

    private (int First, int End) VisibleRange(int firstRow, int lastRow, int keyStart) =>
        (Math.Max(0, Window.FirstKey(Start + firstRow) - keyStart),
            Math.Min(TilePlan.KeyBlock, Window.LastKey(Start + lastRow) - keyStart + 1));
}
