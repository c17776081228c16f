using System.Runtime.Intrinsics;

namespace Skipwise.Kernels;

/// <summary>The scores of up to 192 queries of one head, from the <paramref name="Start"/>th on.</summary>
internal readonly unsafe record struct ScoreBlock(CausalWindow Window, int Start, int Count)
{
    /// <summary>of a block: a multiple of a tile's columns, and of its rows</summary>
    public const int QueryBlockSize = 192;
    /// <summary>a multiple of a tile's rows</summary>
    public const int KeyBlockSize = 96;

    /// <summary>Of the keys from <paramref name="keyStart"/> on, those that some of six queries see, as first and end.</summary>
    public (int First, int End) VisibleKeys(int row, int keyStart) => VisibleRange(row, row + Avx512Gemm.TileRows - 1, keyStart);

    /// <summary>Of the queries, those that see some of six keys.</summary>
    public (int First, int End) AttendingQueries(int key) =>
        (Math.Max(0, Window.FirstQuery(key) - Start), Math.Min(Count, Window.LastQuery(key + Avx512Gemm.TileRows - 1) - Start + 1));

    /// <summary>to[key, lane] = rows[key] . panels[lane], where a query sees the key and up to the edges of tiles around.</summary>
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

    /// <summary>Scores become e^(score - largest so far), which the sums so far have to follow.</summary>
    /// <param name="decay">what they are to be multiplied with</param>
    /// <returns>whether one is not 1</returns>
    public bool Softmax(int keyStart, float* scores, float* largest, float* total, float* decay)
    {
        bool grew = false;
        for (int lane = 0; lane < Count; lane += Avx512Gemm.VectorWidth)
        {
            (int first, int end) = VisibleTiles(lane / Avx512Gemm.TileColumns * Avx512Gemm.TileColumns, keyStart);
            LaneMask mask = new(Window, Start + lane);
            Vector512<float> before = Vector512.Load(largest + lane), largestNow = before, sum = default;
            for (int key = first; key < end; key++)
            {
                float* place = scores + (key * QueryBlockSize) + lane;
                Vector512<float> score = Vector512.Load(place);
                if (!mask.AllLanes(keyStart + key))
                {
                    score = Vector512.ConditionalSelect(mask.Mask(keyStart + key), score, Vector512.Create(float.NegativeInfinity));
                    score.Store(place);
                }
                largestNow = Vector512.MaxNative(score, largestNow); // the second where the first is NaN: it comes back as a share
            }
            for (int key = first; key < end; key++)
            {
                float* place = scores + (key * QueryBlockSize) + lane;
                Vector512<float> probability = Avx512Gemm.Exp(Vector512.Load(place) - largestNow);
                probability.Store(place);
                sum += probability;
            }
            Vector512<float> factor = Avx512Gemm.Exp(before - largestNow);
            Vector512.FusedMultiplyAdd(Vector512.Load(total + lane), factor, sum).Store(total + lane);
            largestNow.Store(largest + lane);
            factor.Store(decay + lane);
            grew |= !Vector512.EqualsAll(before, largestNow);
        }
        return grew;
    }

    /// <summary>Scores become shares P = e^(score - L), and their gradients dP become P (dP - delta).</summary>
    public void ProbabilitiesAndGradients(int keyStart, float* scores, float* gradients, float* lse, float* delta)
    {
        for (int lane = 0; lane < Count; lane += Avx512Gemm.VectorWidth)
        {
            (int first, int end) = VisibleTiles(lane / Avx512Gemm.TileColumns * Avx512Gemm.TileColumns, keyStart);
            LaneMask mask = new(Window, Start + lane);
            Vector512<float> sum = Vector512.Load(lse + lane), mean = Vector512.Load(delta + lane);
            for (int key = first; key < end; key++)
            {
                int place = (key * QueryBlockSize) + lane;
                Vector512<float> probability = Avx512Gemm.Exp(Vector512.Load(scores + place) - sum);
                if (!mask.AllLanes(keyStart + key))
                {
                    probability = Vector512.ConditionalSelect(mask.Mask(keyStart + key), probability, default);
                }
                probability.Store(scores + place);
                (probability * (Vector512.Load(gradients + place) - mean)).Store(gradients + place);
            }
        }
    }

    /// <summary>
    /// Of the keys from <paramref name="keyStart"/> on, those of tiles of which some query of a panel sees something, or one that shares
    /// six rows with it.
    /// </summary>
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
