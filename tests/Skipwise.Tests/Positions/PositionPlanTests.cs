using System.Collections.Immutable;
using Skipwise.Positions;

namespace Skipwise.Tests.Positions;

public class PositionPlanTests
{
    private static PositionPlan Plan(int window, int document, int target, params Chunk[] chunks) =>
        new([.. chunks], window, document, target);

    [Fact]
    public void A_plan_expands_to_positions_and_content()
    {
        PositionPlan plan = Plan(5, 20, 32, new Chunk(0, 2, 0), new Chunk(10, 3, 29));
        Assert.Equal([0, 1, 29, 30, 31], plan.PositionIds());
        Assert.Equal([0, 1, 10, 11, 12], plan.ContentIndices());
    }

    [Fact]
    public void Broken_invariants_are_refused_by_name()
    {
        void Refused(string because, Func<PositionPlan> make) =>
            Assert.Contains(because, Assert.Throws<ArgumentException>(make).Message, StringComparison.Ordinal);

        Refused("chunk 1 has no token", () => Plan(2, 20, 32, new Chunk(0, 2, 0), new Chunk(5, 0, 9)));
        Refused("chunk 1 reads the document backwards", () => Plan(4, 20, 32, new Chunk(0, 2, 0), new Chunk(1, 2, 9)));
        Refused("chunk 1 steps back in position", () => Plan(4, 20, 32, new Chunk(0, 2, 0), new Chunk(5, 2, 1)));
        Refused("chunk 0 steps back in position", () => Plan(2, 20, 32, new Chunk(0, 2, -1)));
        Refused("chunk 0 reads the document backwards", () => Plan(2, 20, 32, new Chunk(-1, 2, 0)));
        Refused("the document's 6 tokens", () => Plan(4, 6, 32, new Chunk(0, 2, 0), new Chunk(5, 2, 9)));
        Refused("the target length 10", () => Plan(4, 20, 10, new Chunk(0, 2, 0), new Chunk(5, 2, 9)));
        Refused("the chunks hold 4 tokens, the window 5", () => Plan(5, 20, 32, new Chunk(0, 2, 0), new Chunk(5, 2, 9)));
        Refused("the chunks hold 0 tokens", () => new PositionPlan(ImmutableArray<Chunk>.Empty, 0, 20, 32));
    }

    [Fact]
    public void Plans_are_compared_by_content()
    {
        PositionPlan plan = Plan(4, 20, 32, new Chunk(0, 2, 0), new Chunk(5, 2, 9));
        PositionPlan same = Plan(4, 20, 32, new Chunk(0, 2, 0), new Chunk(5, 2, 9));
        Assert.Equal(plan, same);
        Assert.Equal(plan.GetHashCode(), same.GetHashCode());
        Assert.NotEqual(plan, Plan(4, 20, 32, new Chunk(0, 2, 0), new Chunk(5, 2, 10)));
        Assert.NotEqual(plan, Plan(4, 20, 33, new Chunk(0, 2, 0), new Chunk(5, 2, 9)));
        Assert.False(plan.Equals(null));
    }

    [Fact]
    public void A_description_shows_chunks_gaps_and_distances()
    {
        PlanDescription description = PlanDescription.FromPlan(Plan(5, 20, 32, new Chunk(1, 2, 0), new Chunk(10, 3, 20)));
        Assert.Equal([new ChunkDescription(1, 2, 0, 1, 0, 1), new ChunkDescription(10, 12, 20, 22, 18, 7)], description.Chunks);
        Assert.Equal([2, 3], description.Chunks.Select(chunk => chunk.Length));
        // inside the chunks 1 and 2; across them 20 - 1 = 19 up to 22 - 0
        Assert.Equal([new DistanceRange(1, 2), new DistanceRange(19, 22)], description.Distances);
        Assert.Equal(6.0 / 31, description.CoveredFraction, 15);
    }
}
