using Skipwise.Numerics;
using Skipwise.Positions;

namespace Skipwise.Tests.Positions;

/// <summary>The share of windows whose last chunk stands at the end of the target.</summary>
public class EndShareTests
{
    private const int Draws = 60_000;

    /// <summary>What the release before the option drew: runs that began with it go on with the same positions.</summary>
    [Fact]
    public void Without_an_end_share_no_draw_has_changed()
    {
        var pose = new PoseOptions { TrainLength = 2048, TargetLength = 16384, Chunks = 3, RandomStart = true };
        Assert.Equal([new(3870, 695, 0), new(7118, 1223, 5131), new(8775, 130, 11758)], First(pose));
        Assert.Equal([new(3870, 695, 0), new(4565, 1120, 5131), new(5685, 233, 15203)],
            First(pose with { Content = ContentMode.Contiguous }));
        Assert.Equal([new(0, 695, 0), new(2846, 1120, 2846), new(8308, 233, 8308)], First(pose with { Content = ContentMode.Follow }));

        static IEnumerable<Chunk> First(PoseOptions pose)
        {
            var rng = new KeyedRandom(seed: 7);
            return PoseSampler.Sample(ref rng, documentLength: 9000, pose).Chunks;
        }
    }

    /// <summary>Chi-square of the last skip, whose probabilities are (1 - p) times PoSE's and p at the largest.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(0.1)]
    [InlineData(0.5)]
    [InlineData(1)]
    public void Two_chunks_draw_the_last_skip_with_the_stated_probabilities(double share)
    {
        var pose = new PoseOptions { TrainLength = 8, TargetLength = 40, EndShare = share };
        const int skips = 40 - 8 + 1;
        double[] expected = [.. Enumerable.Range(0, skips).Select(u => ((1 - share) / skips) + (u == skips - 1 ? share : 0))];
        AssertDrawn(expected, Drawn(pose).Select(plan => SamplerFixture.PositionBias(plan, 1)));
    }

    /// <summary>Chi-square of both skips together: the first is PoSE's own, whatever the share.</summary>
    [Theory]
    [InlineData(ContentMode.Skip)]
    [InlineData(ContentMode.Contiguous)]
    [InlineData(ContentMode.Follow)]
    public void Of_three_chunks_the_last_alone_goes_to_the_end(ContentMode content)
    {
        const double share = 0.3;
        var pose = new PoseOptions { TrainLength = 8, TargetLength = 20, Chunks = 3, Content = content, EndShare = share };
        const int skips = 20 - 8 + 1;
        double[] expected = new double[skips * skips];
        for (int first = 0; first < skips; first++)
        {
            for (int last = first; last < skips; last++)
            {
                double drawn = (1 - share) / (skips - first);
                expected[(first * skips) + last] = (drawn + (last == skips - 1 ? share : 0)) / skips;
            }
        }
        AssertDrawn(expected, Drawn(pose).Select(plan =>
            (SamplerFixture.PositionBias(plan, 1) * skips) + SamplerFixture.PositionBias(plan, 2)));
    }

    /// <summary>The text that a chunk reads is drawn as before: the end of the positions is not that of the document.</summary>
    [Fact]
    public void The_content_skip_is_drawn_for_itself()
    {
        var pose = new PoseOptions { TrainLength = 8, TargetLength = 40, EndShare = 1 };
        const int documentLength = 27, skips = documentLength - 8 + 1;
        AssertDrawn([.. Enumerable.Repeat(1.0 / skips, skips)],
            Drawn(pose, documentLength).Select(plan => plan.Chunks[1].ContentStart - plan.Chunks[0].ContentEnd));
    }

    [Fact]
    public void A_following_chunk_goes_to_the_end_of_its_document()
    {
        var pose = new PoseOptions { TrainLength = 8, TargetLength = 40, Content = ContentMode.Follow, EndShare = 1 };
        Assert.All(Drawn(pose, 27, 100), plan => Assert.Equal((27, 27), (plan.Chunks[^1].PositionEnd, plan.Chunks[^1].ContentEnd)));
        Assert.All(Drawn(pose, 90, 100), plan => Assert.Equal((40, 40), (plan.Chunks[^1].PositionEnd, plan.Chunks[^1].ContentEnd)));
    }

    [Fact]
    public void A_single_chunk_and_the_baselines_know_no_end()
    {
        var pose = new PoseOptions { TrainLength = 8, TargetLength = 40, EndShare = 1 };
        foreach (PoseOptions other in (PoseOptions[])
            [
                pose with { Chunks = 1 }, pose with { Mode = PositionMode.Short }, pose with { Mode = PositionMode.RandPos },
                pose with { Mode = PositionMode.Full },
            ])
        {
            Assert.Equal(Drawn(other with { EndShare = 0 }, count: 50), Drawn(other, count: 50));
        }
    }

    /// <summary>The stated formula: the last len - 1 distances with at least p, the plateau with 1 - p times PoSE's.</summary>
    [Theory]
    [InlineData(0.1)]
    [InlineData(0.3)]
    public void The_far_end_is_covered_with_at_least_the_share(double share)
    {
        PoseOptions pose = SamplerFixture.Uniform;
        double[] plain = Coverage.Exact(pose, SamplerFixture.DocumentLength)!;
        double[] ended = Coverage.Exact(pose with { EndShare = share }, SamplerFixture.DocumentLength)!;
        const int lc = SamplerFixture.TrainLength, lt = SamplerFixture.TargetLength;
        for (int r = lc; r < lt; r++)
        {
            Assert.Equal(((1 - share) * plain[r]) + (r > lt - lc ? share : 0), ended[r], 12);
        }
        Assert.Equal(share + ((1 - share) / (lt - lc + 1)), ended[^1], 12);
    }

    [Theory]
    [InlineData(-0.1)]
    [InlineData(1.1)]
    [InlineData(double.NaN)]
    public void It_is_a_probability(double share) =>
        Assert.StartsWith("PositionOptions.EndShare is ", Assert.Throws<SkipwiseException>(
            (SamplerFixture.Uniform with { EndShare = share }).Validate).Message, StringComparison.Ordinal);

    private static PositionPlan[] Drawn(PoseOptions pose, int documentLength = 200, int count = Draws) =>
        SamplerFixture.Plans(pose, documentLength, count, seed: 11);

    /// <summary>Chi-square over all outcomes: five standard deviations above its mean, the degrees of freedom; nothing that has no
    /// probability occurs.</summary>
    private static void AssertDrawn(double[] probability, IEnumerable<int> outcomes)
    {
        Assert.Equal(1, probability.Sum(), 12);
        int[] counts = new int[probability.Length];
        foreach (int outcome in outcomes)
        {
            counts[outcome]++;
        }
        double chiSquare = 0;
        int possible = 0;
        for (int i = 0; i < counts.Length; i++)
        {
            double expected = Draws * probability[i];
            if (expected == 0)
            {
                Assert.Equal(0, counts[i]);
                continue;
            }
            Assert.True(expected > 20, "too few draws for chi-square");
            chiSquare += (counts[i] - expected) * (counts[i] - expected) / expected;
            possible++;
        }
        double freedom = possible - 1;
        Assert.InRange(chiSquare, 0, freedom + (5 * Math.Sqrt(2 * freedom)));
    }
}
