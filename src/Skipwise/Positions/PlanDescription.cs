namespace Skipwise.Positions;

/// <summary>A plan made visible: where its chunks lie and which relative distances it teaches.</summary>
/// <param name="Chunks">in the order of the window</param>
/// <param name="Distances">the relative distances between its tokens, as disjoint rising ranges</param>
/// <param name="CoveredFraction">how many of the distances 1..Lt - 1 that is, from 0 to 1</param>
public sealed record PlanDescription(IReadOnlyList<ChunkDescription> Chunks, IReadOnlyList<DistanceRange> Distances, double CoveredFraction)
{
    public static PlanDescription FromPlan(PositionPlan plan)
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
        IReadOnlyList<DistanceRange> distances = CoveredDistances.Compute(plan);
        int all = plan.TargetLength - 1;
        return new PlanDescription(chunks, distances, all == 0 ? 0 : (double)distances.Sum(range => range.Count) / all);
    }
}
