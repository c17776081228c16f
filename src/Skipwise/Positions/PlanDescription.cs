namespace Skipwise.Positions;

/// <summary>A plan in human-readable form: its chunks and the relative distances that it covers.</summary>
/// <param name="Chunks">in the order of the window</param>
/// <param name="Distances">the relative distances between its tokens, as disjoint ranges in rising order</param>
/// <param name="CoveredFraction">covered fraction of the distances 1..Lt - 1, from 0 to 1</param>
public sealed record PlanDescription(IReadOnlyList<ChunkDescription> Chunks, IReadOnlyList<DistanceRange> Distances, double CoveredFraction)
{
    /// <summary>Describes a plan.</summary>
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
