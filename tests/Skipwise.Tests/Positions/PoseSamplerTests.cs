using CsCheck;
using Skipwise.Numerics;
using Skipwise.Positions;

namespace Skipwise.Tests.Positions;

public class PoseSamplerTests
{
    private static PositionPlan Plan(PoseOptions pose, int documentLength, ulong seed, ulong epoch = 0, ulong index = 0)
    {
        var rng = new KeyedRandom(seed, epoch, index);
        return PoseSampler.Sample(ref rng, documentLength, pose);
    }

    private static readonly Gen<(PoseOptions Pose, int Length, ulong Seed)> s_any =
        Gen.Select(AnyPose.Options, AnyPose.DocumentLength, Gen.ULong);

    [Fact]
    public void Positions_strictly_rise_and_stay_below_the_target() => s_any.Sample((pose, length, seed) =>
    {
        int[] positions = Plan(pose, length, seed).PositionIds();
        Assert.True(positions[0] >= 0 && positions[^1] < pose.TargetLength);
        Assert.All(positions.Zip(positions.Skip(1)), pair => Assert.True(pair.Second > pair.First));
    });

    [Fact]
    public void Content_strictly_rises_within_the_document() => s_any.Sample((pose, length, seed) =>
    {
        int[] content = Plan(pose, length, seed).ContentIndices();
        Assert.True(content[0] >= 0 && content[^1] < length);
        Assert.All(content.Zip(content.Skip(1)), pair => Assert.True(pair.Second > pair.First));
    });

    [Fact]
    public void The_window_has_as_many_tokens_as_it_can() => s_any.Sample((pose, length, seed) =>
    {
        PositionPlan plan = Plan(pose, length, seed);
        int expected = Math.Min(length, pose.Mode == PositionMode.Full ? pose.TargetLength : pose.TrainLength);
        Assert.Equal(expected, plan.WindowLength);
        Assert.Equal(expected, plan.PositionIds().Length);
        Assert.Equal(expected, plan.ContentIndices().Length);
    });

    [Fact]
    public void Pose_has_the_asked_number_of_chunks_and_its_first_position_is_zero() => s_any.Sample((pose, length, seed) =>
    {
        PositionPlan plan = Plan(pose with { Mode = PositionMode.Pose }, length, seed);
        Assert.Equal(Math.Min(pose.Chunks, plan.WindowLength), plan.Chunks.Length);
        Assert.Equal(0, plan.Chunks[0].PositionStart);
        if (pose.LengthRule == LengthRule.Released && plan.WindowLength > 1)
        {
            Assert.InRange(plan.Chunks[0].Length, 1, (plan.WindowLength + 1) / 2);
        }
    });

    [Fact]
    public void Without_random_start_the_text_begins_with_the_document() => s_any.Sample((pose, length, seed) =>
        Assert.Equal(0, Plan(pose with { RandomStart = false }, length, seed).Chunks[0].ContentStart));

    [Fact]
    public void Contiguous_content_has_no_gaps() => s_any.Sample((pose, length, seed) =>
    {
        int[] content = Plan(pose with { Content = ContentMode.Contiguous }, length, seed).ContentIndices();
        Assert.Equal(Enumerable.Range(content[0], content.Length), content);
    });

    [Fact]
    public void Following_text_stands_at_its_true_positions() => s_any.Sample((pose, length, seed) =>
    {
        PositionPlan plan = Plan(pose with { Mode = PositionMode.Pose, Content = ContentMode.Follow }, length, seed);
        int start = plan.Chunks[0].ContentStart;
        Assert.Equal(plan.PositionIds(), plan.ContentIndices().Select(index => index - start));
        // a random start leaves as much text as there are positions
        Assert.InRange(start, 0, Math.Max(0, length - pose.TargetLength));
    });

    [Fact]
    public void Full_and_short_count_from_zero() => s_any.Sample((pose, length, seed) =>
    {
        foreach (PositionMode mode in new[] { PositionMode.Full, PositionMode.Short })
        {
            int[] positions = Plan(pose with { Mode = mode }, length, seed).PositionIds();
            Assert.Equal(Enumerable.Range(0, positions.Length), positions);
        }
    });

    [Fact]
    public void RandPos_takes_every_position_equally_often()
    {
        var pose = new PoseOptions { Mode = PositionMode.RandPos, TrainLength = 5, TargetLength = 20 };
        int[] seen = new int[20];
        const int plans = 40_000;
        for (ulong index = 0; index < plans; index++)
        {
            foreach (int position in Plan(pose, 100, seed: 1, index: index).PositionIds())
            {
                seen[position]++;
            }
        }
        // binomial(40000, 1/4): five standard deviations are 433
        Assert.All(seen, count => Assert.InRange(count, 10_000 - 433, 10_000 + 433));
    }

    [Fact]
    public void RandPos_merges_neighbouring_positions_into_one_chunk() => s_any.Sample((pose, length, seed) =>
    {
        PositionPlan plan = Plan(pose with { Mode = PositionMode.RandPos }, length, seed);
        Assert.All(plan.Chunks.Zip(plan.Chunks.Skip(1)), pair => Assert.True(pair.Second.PositionStart > pair.First.PositionEnd));
    });

    [Fact]
    public void Random_start_reaches_both_ends_of_the_document()
    {
        var pose = new PoseOptions { TrainLength = 4, TargetLength = 16, Content = ContentMode.Contiguous, RandomStart = true };
        int[] starts = [.. Enumerable.Range(0, 2000).Select(i => Plan(pose, 10, seed: 7, index: (ulong)i).Chunks[0].ContentStart)];
        Assert.Equal(Enumerable.Range(0, 7), starts.Distinct().Order());
    }

    [Fact]
    public void The_same_place_gives_the_same_plan_and_another_epoch_another()
    {
        var pose = new PoseOptions { TrainLength = 512, TargetLength = 8192, Chunks = 3 };
        Gen.Select(Gen.ULong, Gen.ULong[0, 1000], Gen.ULong[0, 1_000_000]).Sample((seed, epoch, index) =>
        {
            PositionPlan plan = Plan(pose, 4000, seed, epoch, index);
            Assert.Equal(plan, Plan(pose, 4000, seed, epoch, index));
            // 512 lengths x 7680 skips and more: equal plans do not happen by chance
            Assert.NotEqual(plan, Plan(pose, 4000, seed, epoch + 1, index));
            Assert.NotEqual(plan, Plan(pose, 4000, seed, epoch, index + 1));
            Assert.NotEqual(plan, Plan(pose, 4000, seed + 1, epoch, index));
        });
    }

    [Fact]
    public void A_document_length_below_one_is_refused() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => Plan(new PoseOptions { TrainLength = 4, TargetLength = 8 }, 0, 1));
}
