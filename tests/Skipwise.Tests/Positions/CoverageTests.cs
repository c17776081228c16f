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
    public void More_chunks_have_no_closed_form() => Assert.Null(Coverage.Exact(SamplerFixture.Uniform with { Chunks = 3 }, 9000));

    /// <summary>
    /// The paper's figure 5, at 14 distances of it and as its script samples it (figure 6 in the fixture's names). A point is the mean of 7
    /// samples of its plotted Monte-Carlo curve, read from the picture: on the plateaus they scatter by 0.008 around the exact 0.1428; two
    /// chunks within the window, where lines overlap, lie up to 0.04 below the exact 1.
    /// </summary>
    /// <param name="section">the fixture's, if the script has the curve and no other test compares it</param>
    /// <param name="samples">to draw for the comparison with the script</param>
    /// <param name="sampling">what two sampled curves may differ by</param>
    /// <param name="within">tolerance of the picture's points within the window</param>
    /// <param name="beyond">tolerance of those beyond it</param>
    [Theory]
    [InlineData("2 chunks", null, 0, 0, 0.045, 0.01,
        new[] { .97, .97, .96, .55, .150, .148, .143, .143, .141, .146, .144, .137, .069, .026 })]
    [InlineData("3 chunks", "figure6_3chunks", 200_000, MonteCarlo, 0.01, 0.01,
        new[] { 1.0, 1, .87, .54, .275, .243, .219, .206, .209, .228, .263, .343, .250, .118 })]
    // the script draws 1,000 windows of it, up to half of which cover a distance: with 500 of ours, four standard deviations are 0.11
    [InlineData("RandPos", "figure6_randpos", 500, 0.11, 0, 0.01, new[] { 1.0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 })]
    [InlineData("original", null, 0, 0, 0, 0, new[] { 1.0, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 })]
    public void Curves_are_those_of_figure_5(string curve, string? section, int samples, double sampling, double within, double beyond,
        double[] figure)
    {
        int[] distances = [256, 512, 1024, 1536, 2048, 3072, 4096, 6144, 8192, 10240, 12288, 14336, 15360, 16000];
        Assert.Equal(distances.Length, figure.Length);
        PoseOptions pose = Figure5(curve);
        CoverageCurve found = Coverage.Compute(pose, SamplerFixture.DocumentLength, samples: 100_000, seed: 6);
        Assert.All(distances.Zip(figure), point => Assert.Equal(point.Second, found.Probability[point.First],
            point.First < SamplerFixture.TrainLength ? within : beyond));
        if (section is not null)
        {
            double[] drawn = Coverage.Estimate(pose, SamplerFixture.DocumentLength, samples, seed: 3),
                script = SamplerFixture.Coverage(section, "coverage");
            Assert.InRange(SamplerFixture.LargestDifference(script, SamplerFixture.Every64(drawn)), 0, sampling);
            Assert.Equal(SamplerFixture.At(section, "mean_coverage_of_1_to_Lt").GetDouble(), drawn.Skip(1).Average(), 0.001);
        }
    }

    private static PoseOptions Figure5(string curve) => curve switch
    {
        "2 chunks" => SamplerFixture.Uniform,
        "3 chunks" => SamplerFixture.Uniform with { Chunks = 3 },
        "RandPos" => SamplerFixture.Uniform with { Mode = PositionMode.RandPos },
        _ => SamplerFixture.Uniform with { Mode = PositionMode.Short },
    };

    /// <summary>Other shapes and seeds than the fixture's: no distance is farther than five standard errors from its exact value, and the
    /// mean square of the deviations is that of a standard normal number.</summary>
    [Theory]
    [InlineData(PositionMode.Pose, LengthRule.Uniform, 128, 1024, 0, 1)]
    [InlineData(PositionMode.Pose, LengthRule.Uniform, 128, 1024, 0.1, 2)]
    [InlineData(PositionMode.Pose, LengthRule.Released, 256, 600, 0, 3)]
    [InlineData(PositionMode.RandPos, LengthRule.Uniform, 16, 512, 0, 4)]
    [InlineData(PositionMode.RandPos, LengthRule.Uniform, 64, 400, 0, 5)]
    public void What_is_sampled_is_exact_within_its_standard_errors(PositionMode mode, LengthRule rule, int trainLength, int targetLength,
        double endShare, ulong seed)
    {
        var pose = new PoseOptions
        {
            Mode = mode,
            LengthRule = rule,
            TrainLength = trainLength,
            TargetLength = targetLength,
            EndShare = endShare,
        };
        double[] exact = Coverage.Exact(pose, documentLength: 2000)!;
        var sampled = new CoverageCurve(Coverage.Estimate(pose, 2000, samples: 20_000, seed), 20_000);
        double[] deviations =
        [
            .. Enumerable.Range(1, targetLength - 1).Select(r => (sampled.Probability[r] - exact[r]) / sampled.StandardError(r)),
        ];
        Assert.InRange(deviations.Max(Math.Abs), 0, 5);
        // neighbours are covered by the same plans, so the mean square varies far more than with independent distances
        Assert.InRange(deviations.Average(x => x * x), 0.1, 4);
    }

    /// <summary>Naive reference: every subset of the positions.</summary>
    [Fact]
    public void RandPos_counts_every_subset()
    {
        for (int target = 2; target <= 12; target++)
        {
            for (int length = 1; length < target; length++)
            {
                double[] covering = new double[target];
                int plans = 0;
                for (int subset = 0; subset < 1 << target; subset++)
                {
                    if (int.PopCount(subset) != length)
                    {
                        continue;
                    }
                    plans++;
                    for (int r = 1; r < target; r++)
                    {
                        covering[r] += (subset & (subset >> r)) != 0 ? 1 : 0;
                    }
                }
                var pose = new PoseOptions { Mode = PositionMode.RandPos, TrainLength = length, TargetLength = target };
                Assert.InRange(
                    SamplerFixture.LargestDifference([.. covering.Select(count => count / plans)], Coverage.Exact(pose, 100)!), 0, 1e-10);
            }
        }
    }

    /// <summary>Above half of the target no position is in two pairs: C(m, k) choices of k of the m pairs that hold one position
    /// each.</summary>
    [Fact]
    public void RandPos_at_the_papers_lengths_is_the_sum_over_disjoint_pairs()
    {
        const int lc = SamplerFixture.TrainLength, lt = SamplerFixture.TargetLength;
        double[] exact = Coverage.Exact(Figure5("RandPos"), SamplerFixture.DocumentLength)!;
        double[] logFactorial = new double[lt + 1];
        for (int n = 1; n <= lt; n++)
        {
            logFactorial[n] = logFactorial[n - 1] + Math.Log(n);
        }
        double LogChoose(int n, int k) => logFactorial[n] - logFactorial[k] - logFactorial[n - k];
        foreach (int r in (int[])[lt - 1, lt - 2, lt - 17, lt - 384, lt - 1000, lt - 2048])
        {
            int pairs = lt - r, singles = lt - (2 * pairs);
            double missed = Enumerable.Range(0, Math.Min(pairs, lc) + 1).Where(k => lc - k <= singles).Sum(k =>
                Math.Exp(LogChoose(pairs, k) + (k * Math.Log(2)) + LogChoose(singles, lc - k) - LogChoose(lt, lc)));
            Assert.Equal(1 - missed, exact[r], 1e-8);
        }
        Assert.Equal((double)lc * (lc - 1) / ((double)lt * (lt - 1)), exact[^1], 1e-9);
    }

    [Fact]
    public void A_curve_tells_where_its_coverage_is_low_and_how_well_it_is_known()
    {
        var exact = new CoverageCurve([0, 1, 0.5, 0.2, 0, 0, 0.2], null);
        Assert.Equal([new DistanceRange(4, 5)], exact.Where(probability => probability == 0));
        Assert.Equal([new(3, 6)], exact.Where(probability => probability < 0.3));
        Assert.Equal((0.2, 0.1), (exact.Plateau(1), exact.Plateau(3)));
        Assert.Equal(0, exact.Plateau(7));
        Assert.Equal(0, exact.StandardError(2));
        CoverageCurve sampled = exact with { Samples = 100 };
        Assert.Equal(Math.Sqrt(0.25 / 100), sampled.StandardError(2), 12);
        Assert.InRange(sampled.StandardError(4), 0.009, 0.011); // of 0 of 100, near one of 100
        Assert.Equal((SamplerFixture.TrainLength - 1.0) / (SamplerFixture.TargetLength - SamplerFixture.TrainLength + 1),
            Coverage.Compute(SamplerFixture.Uniform, 9000, 1, 1).Plateau(SamplerFixture.TrainLength), 12);
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
