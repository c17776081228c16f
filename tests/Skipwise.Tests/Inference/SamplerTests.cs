using CsCheck;
using Skipwise.Inference;
using Skipwise.Numerics;

namespace Skipwise.Tests.Inference;

public sealed class SamplerTests
{
    // exp of these is proportional to 1, 4, 2, 1, 0.5 (sum 8.5)
    private static readonly float[] s_logits = [0, MathF.Log(4), MathF.Log(2), 0, MathF.Log(0.5f)];

    [Fact]
    public void Greedy_takes_the_best_and_the_first_of_equals()
    {
        var rng = new KeyedRandom(1);
        Assert.Equal(1, Sampler.Sample(s_logits, new(), ref rng));
        Assert.Equal(0, Sampler.Sample([3, 3, 1], new(), ref rng));
    }

    [Theory]
    [InlineData(1.0, 0, 1.0, new[] { 1 / 8.5, 4 / 8.5, 2 / 8.5, 1 / 8.5, 0.5 / 8.5 })]
    [InlineData(0.5, 0, 1.0, new[] { 1 / 22.25, 16 / 22.25, 4 / 22.25, 1 / 22.25, 0.25 / 22.25 })] // exp(l / T): squares
    [InlineData(1.0, 2, 1.0, new[] { 0, 4 / 6.0, 2 / 6.0, 0, 0 })]
    [InlineData(1.0, 0, 0.47, new double[] { 0, 1, 0, 0, 0 })] // 4 / 8.5 = .4706 reaches .47
    [InlineData(1.0, 0, 0.48, new[] { 0, 4 / 6.0, 2 / 6.0, 0, 0 })]
    [InlineData(1.0, 2, 0.6, new double[] { 0, 1, 0, 0, 0 })] // top-p within the two kept: 4 / 6 reaches .6
    public void Draws_follow_the_probabilities(double temperature, int topK, double topP, double[] expected)
    {
        const int draws = 20_000;
        var options = new GenerationOptions { Temperature = temperature, TopK = topK, TopP = topP };
        var counts = new int[expected.Length];
        var rng = new KeyedRandom(3);
        for (int i = 0; i < draws; i++)
        {
            counts[Sampler.Sample(s_logits, options, ref rng)]++;
        }
        for (int id = 0; id < expected.Length; id++)
        {
            double deviation = Math.Sqrt(expected[id] * (1 - expected[id]) / draws);
            Assert.InRange((double)counts[id] / draws, expected[id] - 5 * deviation, expected[id] + 5 * deviation);
        }
    }

    [Theory]
    [InlineData(2, 0.5, 1), InlineData(4, 0.5, 2), InlineData(4, 0.51, 3), InlineData(4, 0.25, 1)]
    public void The_token_that_reaches_top_p_exactly_is_the_last_one_kept(int equals, double topP, int kept)
    {
        var options = new GenerationOptions { Temperature = 1, TopP = topP };
        var rng = new KeyedRandom(5);
        var drawn = new HashSet<int>();
        for (int i = 0; i < 200; i++)
        {
            drawn.Add(Sampler.Sample(new float[equals], options, ref rng));
        }
        Assert.Equal(kept, drawn.Count);
    }

    [Fact]
    public void A_drawn_token_is_one_of_the_k_best() =>
        Gen.Select(Gen.Float[-20, 20].Array[1, 40], Gen.Int[1, 12], Gen.Double[0.1, 3], Gen.ULong).Sample((logits, k, temperature, seed) =>
        {
            var rng = new KeyedRandom(seed);
            int id = Sampler.Sample(logits, new GenerationOptions { Temperature = temperature, TopK = k }, ref rng);
            Assert.True(logits.Count(other => other > logits[id]) < k);
        });

    [Fact]
    public void Scores_that_are_no_numbers_are_an_error()
    {
        var rng = new KeyedRandom(1);
        Assert.Contains("NaN", Assert.Throws<SkipwiseException>(() =>
        {
            var copy = rng;
            return Sampler.Sample([1, float.NaN, 2], new(), ref copy);
        }).Message);
    }
}
