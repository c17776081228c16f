namespace Skipwise.Positions;

/// <summary>One chunk as a person reads it; all ends included.</summary>
/// <param name="FirstToken">index in the document</param>
/// <param name="LastToken">index in the document</param>
/// <param name="FirstPosition">position id</param>
/// <param name="LastPosition">position id</param>
/// <param name="SkippedPositions">positions left out since the chunk before, or since 0</param>
/// <param name="SkippedTokens">tokens of the document left out since the chunk before, or since its beginning</param>
public sealed record ChunkDescription(int FirstToken, int LastToken, int FirstPosition, int LastPosition, int SkippedPositions, int SkippedTokens)
{
    public int Length => LastToken - FirstToken + 1;
}

/// <summary>A plan made visible: where its chunks lie and which relative distances it teaches.</summary>
/// <param name="Chunks">in the order of the window</param>
/// <param name="Distances">the relative distances between its tokens, as disjoint rising ranges</param>
/// <param name="DistanceShare">how many of the distances 1..Lt - 1 that is, from 0 to 1</param>
public sealed record PlanDescription(IReadOnlyList<ChunkDescription> Chunks, IReadOnlyList<DistanceRange> Distances, double DistanceShare)
{
    public static PlanDescription Of(PositionPlan plan)
    {
        List<ChunkDescription> chunks = [];
        Chunk before = default;
        foreach (Chunk chunk in plan.Chunks)
        {
            chunks.Add(new ChunkDescription(
                chunk.ContentStart, chunk.ContentEnd - 1, chunk.PositionStart, chunk.PositionEnd - 1,
                chunk.PositionStart - before.PositionEnd, chunk.ContentStart - before.ContentEnd));
            before = chunk;
        }
        IReadOnlyList<DistanceRange> distances = CoveredDistances.Of(plan);
        int all = plan.TargetLength - 1;
        return new PlanDescription(chunks, distances, all == 0 ? 0 : (double)distances.Sum(range => range.Count) / all);
    }
}
