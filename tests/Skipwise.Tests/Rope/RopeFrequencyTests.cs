using Skipwise.Rope;

namespace Skipwise.Tests.Rope;

public class RopeFrequencyTests
{
    private static RopeOptions Llama(RopeType type, double factor) =>
        new() { Type = type, Factor = factor, OriginalMaxPositionEmbeddings = 2048 };

    private static double[] InvFreq(RopeType type, double factor) => RopeFrequency.Compute(Llama(type, factor), 128).InvFreq;

    // theta 10000, 128 dimensions, original length 2048; nine significant digits, from an independent implementation
    [Theory]
    [InlineData(0, 1, 0.125, 1, 1, 1, 1, 1)]
    [InlineData(10, 0.237137371, 0.0296421713, 0.170471736, 0.237137371, 0.237137371, 0.237137371, 0.237137371)]
    [InlineData(20, 0.0562341325, 0.00702926656, 0.0290606127, 0.048361354, 0.0265255342, 0.0473772566, 0.00507528272)]
    [InlineData(28, 0.0177827941, 0.00222284926, 0.00705710652, 0.0103140206, 0.0040786225, 0.00938042389, 0.000569231565)]
    [InlineData(35, 0.00649381632, 0.000811727039, 0.00204542397, 0.00217542847, 0.00102750258, 0.00163562998, 0.000132852216)]
    [InlineData(41, 0.00273841963, 0.000342302454, 0.000707578732, 0.000342302454, 0.000342302454, 4.27878068e-05, 4.27878068e-05)]
    [InlineData(63, 0.000115478198, 1.44347748e-05, 1.44347748e-05, 1.44347748e-05, 1.44347748e-05, 1.80434685e-06, 1.80434685e-06)]
    public void Frequencies_are_the_known_ones(int i, double none, double linear8, double ntk8, double yarn8, double revised8,
        double yarn64, double revised64)
    {
        AssertClose(none, InvFreq(RopeType.Default, 1)[i]);
        AssertClose(linear8, InvFreq(RopeType.Linear, 8)[i]);
        AssertClose(ntk8, InvFreq(RopeType.Ntk, 8)[i]);
        AssertClose(yarn8, InvFreq(RopeType.Yarn, 8)[i]);
        AssertClose(revised8, InvFreq(RopeType.YarnRevised, 8)[i]);
        AssertClose(yarn64, InvFreq(RopeType.Yarn, 64)[i]);
        AssertClose(revised64, InvFreq(RopeType.YarnRevised, 64)[i]);
    }

    [Theory]
    [InlineData(8, 1.2079441541679836), InlineData(16, 1.2772588722239782), InlineData(48, 1.3871201010907892),
        InlineData(64, 1.4158883083359672)]
    public void Yarn_scales_attention(double factor, double expected)
    {
        Assert.Equal(expected, RopeFrequency.Compute(Llama(RopeType.Yarn, factor), 128).AttentionFactor, 14);
        Assert.Equal(expected, RopeFrequency.Compute(Llama(RopeType.YarnRevised, factor), 128).AttentionFactor, 14);
        Assert.Equal(1, RopeFrequency.Compute(Llama(RopeType.Ntk, factor), 128).AttentionFactor);
    }

    /// <summary>
    /// The ramp's bounds end at d - 1 as in the published code, beyond the last pair, d / 2 - 1: windows longer than 2 pi theta have
    /// them there.
    /// </summary>
    [Theory]
    [InlineData(200_000, 32, 2.0 / 3)] // pairs that turn 32 times and once: 2.998 and 4.503, so a ramp from 2 to 5
    [InlineData(100_000_000, 1_000_000, 2.0 / 3)] // 1.2 and 7.2: a ramp from 1 to 8, cut off at 7
    public void The_ramp_of_yarn_may_end_beyond_the_last_pair(int original, double betaFast, double kept)
    {
        var rope = new RopeOptions { Type = RopeType.Yarn, Factor = 4, OriginalMaxPositionEmbeddings = original, BetaFast = betaFast };
        AssertClose(0.001 * (((1 - kept) / 4) + kept), RopeFrequency.Compute(rope, 8).InvFreq[3]);
        AssertClose(0.001 / (((1 - kept) * 4) + kept), RopeFrequency.Compute(rope with { Type = RopeType.YarnRevised }, 8).InvFreq[3]);
    }

    [Theory]
    [InlineData(128, 8, 82684.62264056221), InlineData(128, 16, 167198.73921320363), InlineData(128, 64, 683674.6821212173)]
    [InlineData(64, 8, 85550.37588568537), InlineData(64, 16, 174969.58540137773), InlineData(64, 64, 731886.6814182057)]
    public void Ntk_is_a_larger_theta(int dim, double factor, double theta)
    {
        Assert.Equal(1, RopeFrequency.NtkTheta(10000, factor, dim) / theta, 13);
        double[] scaled = RopeFrequency.Compute(Llama(RopeType.Ntk, factor), dim).InvFreq;
        Assert.Equal(RopeFrequency.Compute(new RopeOptions { Theta = RopeFrequency.NtkTheta(10000, factor, dim) }, dim).InvFreq, scaled);
    }

    [Theory]
    [InlineData(4096, 93194.27110044428), InlineData(16384, 607779.2727297307), InlineData(2048, 10000), InlineData(100, 10000),
        InlineData(0, 10000)]
    public void Dynamic_ntk_grows_with_the_sequence(int sequenceLength, double theta)
    {
        double[] expected = [.. Enumerable.Range(0, 64).Select(i => Math.Pow(theta, -2.0 * i / 128))];
        double[] found = RopeFrequency.Compute(Llama(RopeType.DynamicNtk, 8), 128, sequenceLength).InvFreq;
        Assert.All(expected.Zip(found), pair => Assert.Equal(1, pair.Second / pair.First, 13));
    }

    [Fact]
    public void Llama3_keeps_fast_pairs_stretches_slow_ones_and_blends_between()
    {
        RopeOptions rope = Llama(RopeType.Llama3, 8) with { Theta = 5e5, OriginalMaxPositionEmbeddings = 8192 };
        double[] plain = RopeFrequency.Compute(rope with { Type = RopeType.Default }, 128).InvFreq;
        double[] found = RopeFrequency.Compute(rope, 128).InvFreq;
        AssertClose(0.00321144599, found[28]);
        AssertClose(0.00261609925, plain[29]);
        AssertClose(0.00216657076, found[29]);
        AssertClose(9.55621235e-05, found[35]);
        Assert.Equal(plain[..29], found[..29]);
        Assert.All(Enumerable.Range(35, 29), i => Assert.Equal(8, plain[i] / found[i], 12));
    }

    [Fact]
    public void Longrope_divides_by_the_list_of_the_sequence_length()
    {
        RopeOptions rope = Llama(RopeType.LongRope, 16) with { ShortFactor = [1, 2, 3, 4], LongFactor = [10, 20, 30, 40] };
        // theta 10000 over 8 dimensions: 1, 0.1, 0.01, 0.001
        double[] shorts = [1, 0.05, 0.01 / 3, 0.00025], longs = [0.1, 0.005, 0.001 / 3, 0.000025];
        Assert.All(shorts.Zip(RopeFrequency.Compute(rope, 8, 2048).InvFreq), pair => AssertClose(pair.First, pair.Second));
        Assert.All(longs.Zip(RopeFrequency.Compute(rope, 8, 2049).InvFreq), pair => AssertClose(pair.First, pair.Second));
        // ln 16 / ln 2048 = 4 / 11
        Assert.Equal(Math.Sqrt(15.0 / 11), RopeFrequency.Compute(rope, 8).AttentionFactor, 14);
    }

    [Fact]
    public void Longrope_with_the_divisors_of_another_scaling_is_that_scaling()
    {
        RopeOptions revised = Llama(RopeType.YarnRevised, 16);
        RopeFrequencies expected = RopeFrequency.Compute(revised, 128);
        double[] divisors = [.. InvFreq(RopeType.Default, 1).Zip(expected.InvFreq, (f, scaled) => f / scaled)];
        RopeFrequencies found = RopeFrequency.Compute(
            revised with
            {
                Type = RopeType.LongRope,
                ShortFactor = divisors,
                LongFactor = divisors,
                AttentionFactor = expected.AttentionFactor
            }, 128);
        Assert.Equal(expected.AttentionFactor, found.AttentionFactor);
        Assert.All(expected.InvFreq.Zip(found.InvFreq), pair => Assert.Equal(1, pair.Second / pair.First, 14));
    }

    [Fact]
    public void A_given_attention_factor_wins() =>
        Assert.All(Enum.GetValues<RopeType>(), type => Assert.Equal(1.5, RopeFrequency.Compute(
            Llama(type, 8) with { AttentionFactor = 1.5, ShortFactor = [1, 1], LongFactor = [1, 1] }, 4).AttentionFactor));

    [Fact]
    public void A_factor_of_one_changes_nothing() =>
        Assert.All(Enum.GetValues<RopeType>().Where(type => type != RopeType.LongRope), type =>
        {
            RopeFrequencies found = RopeFrequency.Compute(Llama(type, 1), 128, 4096);
            Assert.Equal(1, found.AttentionFactor);
            if (type != RopeType.DynamicNtk) // whose base grows with the sequence even so: n / L
            {
                Assert.All(InvFreq(RopeType.Default, 1).Zip(found.InvFreq), pair => Assert.Equal(1, pair.Second / pair.First, 14));
            }
        });

    [Fact]
    public void Wavelengths_tell_which_pairs_never_turned_in_the_window()
    {
        // 4 dimensions, theta 10000: 1 and 0.01 radians per token, so 6.28 and 628.3 tokens per turn
        RopeFrequencies frequencies = RopeFrequency.Compute(new RopeOptions(), 4);
        IReadOnlyList<RopeWavelength> found = RopeWavelength.Compute(frequencies, 628);
        Assert.Equal([6.283185, 628.318531], found.Select(wave => Math.Round(wave.Tokens, 6)));
        Assert.Equal([(0, false), (1, true)], found.Select(wave => (wave.Pair, wave.ExceedsWindow)));
        Assert.DoesNotContain(RopeWavelength.Compute(frequencies, 629), wave => wave.ExceedsWindow);
    }

    private static void AssertClose(double expected, double found) => Assert.InRange(found / expected, 1 - 5e-9, 1 + 5e-9);
}
