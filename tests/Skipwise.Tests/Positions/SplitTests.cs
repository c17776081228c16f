using CsCheck;
using Skipwise.Numerics;
using Skipwise.Positions;

namespace Skipwise.Tests.Positions;

public class SplitTests
{
    private static readonly int[] s_newlines = [0, 1];

    private static readonly Gen<(PoseOptions Pose, int[] Document, ulong Seed, int Leading)> s_any =
        Gen.Select(AnyPose.Options, AnyPose.Document, Gen.ULong, Gen.Int[0, 1])
            .Select((pose, document, seed, leading) =>
                (pose with { Mode = PositionMode.Pose, SplitAfter = s_newlines }, document, seed, leading));

    private static PositionPlan Plan(PoseOptions pose, int[] document, ulong seed, int leading = 0)
    {
        var rng = new KeyedRandom(seed);
        return PoseSampler.Sample(ref rng, document, pose, leading);
    }

    private static bool IsPlace(int[] document, int place, int leading) =>
        place - 1 - leading >= 0 && s_newlines.Contains(document[place - 1 - leading]);

    [Fact]
    public void A_chunk_ends_behind_a_split_token_whenever_one_is_in_reach() => s_any.Sample((pose, document, seed, leading) =>
    {
        PositionPlan plan = Plan(pose, document, seed, leading);
        int left = plan.WindowLength;
        for (int i = 0; i < plan.Chunks.Length - 1; i++)
        {
            Chunk chunk = plan.Chunks[i];
            int longest = pose.LengthRule == LengthRule.Released ? (left + 1) / 2 : left - (plan.Chunks.Length - 1 - i);
            bool inReach = Enumerable.Range(chunk.ContentStart + 1, longest).Any(place => IsPlace(document, place, leading));
            Assert.Equal(inReach, IsPlace(document, chunk.ContentEnd, leading));
            left -= chunk.Length;
        }
    });

    [Fact]
    public void A_chunk_begins_behind_a_split_token_whenever_one_is_in_reach() => s_any.Sample((pose, document, seed, leading) =>
    {
        PositionPlan plan = Plan(pose with { Content = ContentMode.Skip }, document, seed, leading);
        int left = plan.WindowLength;
        for (int i = 1; i < plan.Chunks.Length; i++)
        {
            left -= plan.Chunks[i - 1].Length;
            int first = plan.Chunks[i - 1].ContentEnd;
            int last = plan.DocumentLength - left;
            bool inReach = Enumerable.Range(first, last - first + 1).Any(place => IsPlace(document, place, leading));
            Assert.Equal(inReach, IsPlace(document, plan.Chunks[i].ContentStart, leading));
        }
    });

    [Fact]
    public void Following_text_still_stands_at_its_true_positions() => s_any.Sample((pose, document, seed, leading) =>
    {
        PositionPlan plan = Plan(pose with { Content = ContentMode.Follow }, document, seed, leading);
        Assert.Equal(plan.PositionIds(), plan.ContentIndices().Select(index => index - plan.Chunks[0].ContentStart));
    });

    [Fact]
    public void Without_any_split_token_the_plan_is_the_plain_one() => s_any.Sample((pose, document, seed, _) =>
    {
        int[] unsplit = [.. document.Select(id => id + 2)];
        var rng = new KeyedRandom(seed);
        Assert.Equal(PoseSampler.Sample(ref rng, document.Length, pose), Plan(pose, unsplit, seed));
    });

    [Fact]
    public void The_nearest_place_wins_and_of_two_the_earlier()
    {
        // places behind indices 0, 3 and 7: 1, 4 and 8
        int[] document = [0, 5, 5, 1, 5, 5, 5, 0, 5];
        var places = new SplitPoints(document, 0, s_newlines);
        Assert.Equal(4, places.Nearest(5, 0, 9));
        Assert.Equal(4, places.Nearest(6, 0, 9));
        Assert.Equal(8, places.Nearest(7, 0, 9));
        Assert.Equal(8, places.Nearest(5, 5, 9));
        Assert.Equal(6, places.Nearest(6, 5, 7));
    }
}
