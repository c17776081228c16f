using System.Runtime.Intrinsics;

namespace Skipwise.Kernels;

/// <summary>Scores of up to 192 queries of one head, starting at <paramref name="Start"/>.</summary>
internal readonly unsafe record struct ScoreBlock(CausalWindow Window, int Start, int Count)
{
    /// <summary>queries of a block: a multiple of a tile's columns and rows</summary>
    public const int QueryBlockSize = 192;
    /// <summary>keys of a block: a multiple of a tile's rows</summary>
    public const int KeyBlockSize = 96;

    /// <summary>Keys from <paramref name="keyStart"/> on that any of six queries attends to, as [first, end).</summary>
    public (int First, int End) VisibleKeys(int row, int keyStart) => VisibleRange(row, row + Avx512Gemm.TileRows - 1, keyStart);

    /// <summary>Queries that attend to any of six keys, as [first, end).</summary>
    public (int First, int End) AttendingQueries(int key) =>
        (Math.Max(0, Window.FirstQuery(key) - Start), Math.Min(Count, Window.LastQuery(key + Avx512Gemm.TileRows - 1) - Start + 1));

    /// <summary>to[key, lane] = rows[key] . panels[lane] for all tiles with a visible key.</summary>
    /// <param name="rows">[96, W]</param>
    /// <param name="panels">[panel, D, lane]</param>
    public void ComputeScores(float* rows, int paddedDim, int dim, float* panels, int keyStart, float* to)
    {
        for (int lane = 0; lane < Count; lane += Avx512Gemm.TileColumns)
        {
            (int first, int end) = VisibleTiles(lane, keyStart);
            for (int key = first; key < end; key += Avx512Gemm.TileRows)
            {
                Avx512Gemm.Multiply(
                    rows + (key * paddedDim), paddedDim, 1, panels + (lane * dim), Avx512Gemm.TileColumns,
                    to + (key * QueryBlockSize) + lane, QueryBlockSize, Avx512Gemm.TileColumns, dim, adds: false);
            }
        }
    }

    /// <summary>Replaces scores by e^(score - running maximum); earlier sums have to be rescaled.</summary>
    /// <param name="rescale">receives the rescaling factors</param>
    /// <returns>whether a factor is not 1</returns>
    public bool Softmax(int keyStart, float* scores, float* runningMax, float* runningSum, float* rescale)
    {
        bool grew = false;
        for (int lane = 0; lane < Count; lane += Avx512Gemm.VectorWidth)
        {
            (int first, int end) = VisibleTiles(lane / Avx512Gemm.TileColumns * Avx512Gemm.TileColumns, keyStart);
            LaneMask mask = new(Window, Start + lane);
            Vector512<float> before = Vector512.Load(runningMax + lane), newMax = before, sum = default;
            for (int key = first; key < end; key++)
            {
                float* pointer = scores + (key * QueryBlockSize) + lane;
                Vector512<float> score = Vector512.Load(pointer);
                if (!mask.AllLanes(keyStart + key))
                {
                    score = Vector512.ConditionalSelect(mask.Mask(keyStart + key), score, Vector512.Create(float.NegativeInfinity));
                    score.Store(pointer);
                }
                // max returns its second operand if the first is NaN: a NaN score reaches the probabilities
                newMax = Vector512.MaxNative(score, newMax);
            }
            for (int key = first; key < end; key++)
            {
                float* pointer = scores + (key * QueryBlockSize) + lane;
                Vector512<float> probability = Avx512Gemm.Exp(Vector512.Load(pointer) - newMax);
                probability.Store(pointer);
                sum += probability;
            }
            Vector512<float> factor = Avx512Gemm.Exp(before - newMax);
            Vector512.FusedMultiplyAdd(Vector512.Load(runningSum + lane), factor, sum).Store(runningSum + lane);
            newMax.Store(runningMax + lane);
            factor.Store(rescale + lane);
            grew |= !Vector512.EqualsAll(before, newMax);
        }
        return grew;
    }

    /// <summary>Replaces scores by probabilities P = e^(score - L), and their gradients dP by P (dP - delta).</summary>
    public void ProbabilitiesAndGradients(int keyStart, float* scores, float* gradients, float* lse, float* delta)
    {
        for (int lane = 0; lane < Count; lane += Avx512Gemm.VectorWidth)
        {
            (int first, int end) = VisibleTiles(lane / Avx512Gemm.TileColumns * Avx512Gemm.TileColumns, keyStart);
            LaneMask mask = new(Window, Start + lane);
            Vector512<float> sum = Vector512.Load(lse + lane), mean = Vector512.Load(delta + lane);
            for (int key = first; key < end; key++)
            {
                int offset = (key * QueryBlockSize) + lane;
                Vector512<float> probability = Avx512Gemm.Exp(Vector512.Load(scores + offset) - sum);
                if (!mask.AllLanes(keyStart + key))
                {
                    probability = Vector512.ConditionalSelect(mask.Mask(keyStart + key), probability, default);
                }
                probability.Store(scores + offset);
                (probability * (Vector512.Load(gradients + offset) - mean)).Store(gradients + offset);
            }
        }
    }

    /// <summary>Key rows (rounded out to 6-row tiles) that any query of this 64-lane panel may attend to, as [first, end).</summary>
    private (int First, int End) VisibleTiles(int panel, int keyStart)
    {
        (int first, int end) = VisibleRange(
            panel / Avx512Gemm.TileRows * Avx512Gemm.TileRows,
            Avx512Gemm.RoundUp(Math.Min(Count, panel + Avx512Gemm.TileColumns), Avx512Gemm.TileRows) - 1, keyStart);
        return (first / Avx512Gemm.TileRows * Avx512Gemm.TileRows, Avx512Gemm.RoundUp(end, Avx512Gemm.TileRows));
    }

    private (int First, int End) VisibleRange(int firstRow, int lastRow, int keyStart) =>
        (Math.Max(0, Window.FirstKey(Start + firstRow) - keyStart), Math.Min(KeyBlockSize, Window.LastKey(Start + lastRow) - keyStart + 1));
}
