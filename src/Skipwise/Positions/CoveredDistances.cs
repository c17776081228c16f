using System.Collections.Immutable;

namespace Skipwise.Positions;

/// <summary>The relative distances, from 1 on, that occur between tokens of one example. Attention is trained on these.</summary>
/// <example>
/// <code>
/// PositionPlan plan = new([new(0, 40, 0), new(500, 60, 900)], windowLength: 100, documentLength: 1000, targetLength: 1024);
/// IReadOnlyList&lt;DistanceRange&gt; distances = CoveredDistances.Compute(plan); // 1 to 59, and 861 to 959
/// </code>
/// </example>
public static class CoveredDistances
{
    // Every pair of chunks gives one range. Beyond this many chunks (RandPos) the pairs outnumber the words of a bit set.
    private const int FewChunks = 64;

    /// <summary>The distances as disjoint ranges in rising order, with gaps between them.</summary>
    public static IReadOnlyList<DistanceRange> Compute(PositionPlan plan) =>
        plan.Chunks.Length <= FewChunks ? ByPairs(plan.Chunks) : ByBits(plan);

    private static List<DistanceRange> ByPairs(ImmutableArray<Chunk> chunks)
    {
        List<DistanceRange> ranges = [];
        for (int b = 0; b < chunks.Length; b++)
        {
            if (chunks[b].Length > 1)
            {
                ranges.Add(new DistanceRange(1, chunks[b].Length - 1));
            }
            for (int a = 0; a < b; a++)
            {
                // nearest: a's last token to b's first; farthest: a's first to b's last
                ranges.Add(new DistanceRange(chunks[b].PositionStart - chunks[a].PositionEnd + 1,
                    chunks[b].PositionEnd - 1 - chunks[a].PositionStart));
            }
        }
        ranges.Sort((x, y) => x.First.CompareTo(y.First));
        return Merge(ranges);
    }

    private static List<DistanceRange> Merge(List<DistanceRange> rising)
    {
        List<DistanceRange> merged = [];
        foreach (DistanceRange range in rising)
        {
            if (merged.Count > 0 && range.First <= merged[^1].Last + 1)
            {
                merged[^1] = merged[^1] with { Last = Math.Max(merged[^1].Last, range.Last) };
            }
            else
            {
                merged.Add(range);
            }
        }
        return merged;
    }

    /// <summary>Computes the distances with bit sets. Bit p means that position p is used; the set shifted down by p holds the distances
    /// of all later tokens to p.</summary>
    private static List<DistanceRange> ByBits(PositionPlan plan)
    {
        int[] positions = plan.PositionIds();
        ulong[] used = new ulong[(plan.TargetLength / 64) + 2]; // one spare word, so that every word has a neighbour
        foreach (int position in positions)
        {
            used[position >> 6] |= 1UL << (position & 63);
        }
        ulong[] covered = new ulong[used.Length];
        foreach (int position in positions)
        {
            int words = position >> 6;
            int bits = position & 63;
            for (int w = words; w < used.Length - 1; w++)
            {
                // "<< 1 << (63 - bits)" is "<< (64 - bits)" that also works for bits = 0
                covered[w - words] |= (used[w] >> bits) | (used[w + 1] << 1 << (63 - bits));
            }
        }
        List<DistanceRange> ranges = [];
        for (int r = 1; r < plan.TargetLength; r++)
        {
            if ((covered[r >> 6] >> (r & 63) & 1) != 0)
            {
                ranges.Add(new DistanceRange(r, r));
            }
        }
        return Merge(ranges);
    }
}
