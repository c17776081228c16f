using CsCheck;
using Skipwise.Numerics;
using Skipwise.Positions;

namespace Skipwise.Tests.Positions;

public class CoverageTests
{
    private const double MonteCarlo = 0.005; // three standard deviations of 100,000 samples

    [Theory]
    [InlineData("code_2chunks", true)]
    [InlineData("figure6_2chunks", false)]
    public void Two_chunks_cover_exactly_what_the_reference_says(string section, bool released)
    {
        PoseOptions pose = released ? SamplerFixture.Released : SamplerFixture.Uniform;
        double[] exact = Coverage.Exact(pose, SamplerFixture.DocumentLength)!;
        Assert.InRange(SamplerFixture.LargestDifference(SamplerFixture.Coverage(section, "coverage_exact"), SamplerFixture.Every64(exact)),
            0, 1e-6);
        Assert.InRange(SamplerFixture.LargestDifference(SamplerFixture.Coverage(section, "coverage"), SamplerFixture.Every64(exact)), 0,
            MonteCarlo);

        double[] estimate = Coverage.Estimate(pose, SamplerFixture.DocumentLength, samples: 100_000, seed: 1);
        Assert.InRange(SamplerFixture.LargestDifference(exact, estimate), 0, MonteCarlo);
        // distance 0 counts as never covered, so this mean is over 1..Lt - 1
        double mean = SamplerFixture.At(section, "mean_coverage_of_1_to_Lt").GetDouble();
        Assert.Equal(mean, exact.Skip(1).Average(), 0.001);
    }

    [Fact]
    public void A_document_shorter_than_the_window_covers_what_the_reference_says()
    {
        double[] exact = Coverage.Exact(SamplerFixture.Released, 700)!;
        double[] expected = SamplerFixture.Coverage("code_2chunks_document_700_tokens_shorter_than_Lc", "coverage");
        // 20,000 samples: three standard deviations are 0.0106
        Assert.InRange(SamplerFixture.LargestDifference(expected, SamplerFixture.Every64(exact)), 0, 0.0106);
    }

    [Fact]
    public void Three_chunks_cover_what_figure_6_says()
    {
        double[] estimate =
            Coverage.Estimate(SamplerFixture.Uniform with { Chunks = 3 }, SamplerFixture.DocumentLength, samples: 200_000, seed: 3);
        Assert.InRange(
            SamplerFixture.LargestDifference(SamplerFixture.Coverage("figure6_3chunks", "coverage"), SamplerFixture.Every64(estimate)), 0,
            MonteCarlo);
        Assert.Equal(SamplerFixture.At("figure6_3chunks", "mean_coverage_of_1_to_Lt").GetDouble(), estimate.Skip(1).Average(), 0.001);
    }

    [Fact]
    public void RandPos_covers_what_figure_6_says()
    {
        double[] estimate =
            Coverage.Estimate(SamplerFixture.Uniform with { Mode = PositionMode.RandPos }, SamplerFixture.DocumentLength, samples: 500,
                seed: 4);
        // 1,000 of theirs and 500 of ours, up to half a coverage: four standard deviations are 0.11
        Assert.InRange(
            SamplerFixture.LargestDifference(SamplerFixture.Coverage("figure6_randpos", "coverage"), SamplerFixture.Every64(estimate)), 0,
            0.11);
        Assert.Equal(SamplerFixture.At("figure6_randpos", "mean_coverage_of_1_to_Lt").GetDouble(), estimate.Skip(1).Average(), 0.001);
    }

    [Fact]
    public void The_middle_is_the_analytic_plateau()
    {
        const int lc = SamplerFixture.TrainLength, lt = SamplerFixture.TargetLength;
        double[] exact = Coverage.Exact(SamplerFixture.Uniform, SamplerFixture.DocumentLength)!;
        for (int r = lc; r <= lt - lc; r++)
        {
            Assert.Equal((lc - 1.0) / (lt - lc + 1), exact[r], 12);
        }
        // the very end of the window is the least trained: a single skip reaches it
        Assert.Equal(1.0 / (lt - lc + 1), exact[^1], 12);
    }

    [Fact]
    public void One_chunk_covers_its_own_length_and_nothing_else()
    {
        PoseOptions pose = SamplerFixture.Uniform;
        foreach (PoseOptions whole in new[] { pose with { Chunks = 1 }, pose with { Mode = PositionMode.Short } })
        {
            double[] exact = Coverage.Exact(whole, SamplerFixture.DocumentLength)!;
            Assert.Equal(Enumerable.Range(0, 16384).Select(r => r is >= 1 and < 2048 ? 1.0 : 0), exact);
            Assert.Equal(exact, Coverage.Estimate(whole, SamplerFixture.DocumentLength, samples: 3, seed: 1));
        }
        Assert.All(Coverage.Exact(pose with { Mode = PositionMode.Full }, 16384)!.Skip(1), share => Assert.Equal(1, share));
    }

    [Fact]
    public void More_chunks_and_RandPos_have_no_closed_form()
    {
        Assert.Null(Coverage.Exact(SamplerFixture.Uniform with { Chunks = 3 }, 9000));
        Assert.Null(Coverage.Exact(SamplerFixture.Uniform with { Mode = PositionMode.RandPos }, 9000));
    }

    /// <summary>Naive reference: every cut with every skip, each equally likely, but the last skip that the end share adds to.</summary>
    [Fact]
    public void The_closed_form_counts_every_cut_and_every_skip() =>
        Gen.Select(AnyPose.Options, Gen.Int[2, 120]).Sample((any, documentLength) =>
        {
            PoseOptions pose =
                any with { Mode = PositionMode.Pose, Chunks = 2, TargetLength = Math.Min(any.TargetLength, any.TrainLength + 30) };
            int length = Math.Min(documentLength, pose.TrainLength);
            int cuts = pose.LengthRule == LengthRule.Released ? (length + 1) / 2 : length - 1;
            int skips = (pose.Content == ContentMode.Follow ? Math.Min(pose.TargetLength, documentLength) : pose.TargetLength) - length + 1;
            double[] expected = new double[pose.TargetLength];
            for (int cut = 1; cut <= cuts; cut++)
            {
                for (int u = 0; u < skips; u++)
                {
                    double share = ((1 - pose.EndShare) / skips) + (u == skips - 1 ? pose.EndShare : 0);
                    var plan = new PositionPlan([new Chunk(0, cut, 0), new Chunk(cut, length - cut, cut + u)], length, documentLength,
                        pose.TargetLength);
                    foreach (int r in CoveredDistances.Compute(plan).SelectMany(range => Enumerable.Range(range.First, range.Count)))
                    {
                        expected[r] += share / cuts;
                    }
                }
            }
            Assert.InRange(SamplerFixture.LargestDifference(expected, Coverage.Exact(pose, documentLength)!), 0, 1e-9);
        }, iter: 60);

    [Fact]
    public void Drawn_plans_meet_the_closed_form_for_every_content_mode_and_short_documents() =>
        Gen.Select(AnyPose.Options, Gen.Int[1, 300]).Sample((any, length) =>
        {
            PoseOptions pose = any with { Mode = PositionMode.Pose, Chunks = Math.Min(any.Chunks, 2) };
            // 1,000 samples: 0.1 is more than six standard deviations
            Assert.InRange(
                SamplerFixture.LargestDifference(Coverage.Exact(pose, length)!, Coverage.Estimate(pose, length, samples: 1000, seed: 5)), 0,
                0.1);
        }, iter: 30);

    [Fact]
    public void Covered_distances_are_those_of_all_pairs() =>
        Gen.Select(AnyPose.Options, AnyPose.DocumentLength, Gen.ULong).Sample((pose, length, seed) =>
    {
        var rng = new KeyedRandom(seed);
        AssertAllPairs(PoseSampler.Sample(ref rng, length, pose));
    });

    [Fact]
    public void Covered_distances_of_many_chunks_are_those_of_all_pairs()
    {
        var pose = new PoseOptions { Mode = PositionMode.RandPos, TrainLength = 120, TargetLength = 2000 };
        for (ulong seed = 0; seed < 20; seed++)
        {
            var rng = new KeyedRandom(seed);
            PositionPlan plan = PoseSampler.Sample(ref rng, 500, pose);
            Assert.InRange(plan.Chunks.Length, 65, 120); // the bit set's side of the switch
            AssertAllPairs(plan);
        }
    }

    /// <summary>Naive reference: every pair of positions.</summary>
    private static void AssertAllPairs(PositionPlan plan)
    {
        int[] positions = plan.PositionIds();
        var naive = new SortedSet<int>();
        for (int late = 1; late < positions.Length; late++)
        {
            for (int early = 0; early < late; early++)
            {
                naive.Add(positions[late] - positions[early]);
            }
        }
        IReadOnlyList<DistanceRange> ranges = CoveredDistances.Compute(plan);
        Assert.Equal(naive, ranges.SelectMany(range => Enumerable.Range(range.First, range.Count)));
        Assert.All(ranges.Zip(ranges.Skip(1)), pair => Assert.True(pair.Second.First > pair.First.Last + 1));
    }
}
