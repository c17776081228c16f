using CsCheck;
using Skipwise.Inference;
using Skipwise.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Tests.Inference;

/// <summary>The definition on the host, and its equal on tensors.</summary>
public sealed class SamplerTests
{
    // exp of these is proportional to 1, 4, 2, 1, 0.5 (sum 8.5)
    private static readonly float[] s_logits = [0, MathF.Log(4), MathF.Log(2), 0, MathF.Log(0.5f)];

    [Fact]
    public void Greedy_takes_the_best_and_the_first_of_equals()
    {
        Assert.Equal(1, Sample([s_logits], new(), [0])[0]);
        Assert.Equal([0, 2], Sample([[3, 3, 1], [1, 2, 3]], new(), [0.9, 0.9]));
        Assert.Equal([0, 2], Sample([[3, 3, 1], [1, 2, 3]], new() { Temperature = 2, TopK = 1 }, [0.9, 0.9]));
    }

    [Theory]
    [InlineData(1.0, 0, 1.0, new[] { 1 / 8.5, 4 / 8.5, 2 / 8.5, 1 / 8.5, 0.5 / 8.5 })]
    [InlineData(0.5, 0, 1.0, new[] { 1 / 22.25, 16 / 22.25, 4 / 22.25, 1 / 22.25, 0.25 / 22.25 })] // exp(l / T): squares
    [InlineData(1.0, 2, 1.0, new[] { 0, 4 / 6.0, 2 / 6.0, 0, 0 })]
    [InlineData(1.0, 3, 1.0, new[] { 1 / 8.0, 4 / 8.0, 2 / 8.0, 1 / 8.0, 0 })] // as in transformers, equals of the third stay
    [InlineData(1.0, 0, 0.47, new double[] { 0, 1, 0, 0, 0 })] // 4 / 8.5 = .4706 reaches .47
    [InlineData(1.0, 0, 0.48, new[] { 0, 4 / 6.0, 2 / 6.0, 0, 0 })]
    [InlineData(1.0, 2, 0.6, new double[] { 0, 1, 0, 0, 0 })] // top-p within the two kept: 4 / 6 reaches .6
    [InlineData(0.5, 0, 0.72, new[] { 0, 16 / 20.0, 4 / 20.0, 0, 0 })] // after temperature: 16 / 22.25 = .7191
    public void Draws_follow_the_probabilities(double temperature, int topK, double topP, double[] expected) =>
        AssertFrequencies(new() { Temperature = temperature, TopK = topK, TopP = topP }, expected);

    /// <summary>Half of the best's probability: 2 of 4; after temperature, 4 of 16 is less.</summary>
    [Theory]
    [InlineData(1.0, 0, 1.0, 0.49, new[] { 0, 4 / 6.0, 2 / 6.0, 0, 0 })]
    [InlineData(1.0, 0, 1.0, 0.51, new double[] { 0, 1, 0, 0, 0 })]
    [InlineData(0.5, 0, 1.0, 0.49, new double[] { 0, 1, 0, 0, 0 })]
    [InlineData(1.0, 0, 1.0, 0.1, new[] { 1 / 8.5, 4 / 8.5, 2 / 8.5, 1 / 8.5, 0.5 / 8.5 })]
    [InlineData(1.0, 4, 1.0, 0.2, new[] { 1 / 8.0, 4 / 8.0, 2 / 8.0, 1 / 8.0, 0 })]
    [InlineData(1.0, 0, 0.48, 0.9, new double[] { 0, 1, 0, 0, 0 })] // top-p keeps two of which min-p keeps one
    [InlineData(1.0, 0, 0.48, 0.1, new[] { 0, 4 / 6.0, 2 / 6.0, 0, 0 })]
    public void Min_p_keeps_tokens_by_their_part_of_the_best_ones_probability(
        double temperature, int topK, double topP, double minP, double[] expected) =>
        AssertFrequencies(new() { Temperature = temperature, TopK = topK, TopP = topP, MinP = minP }, expected);

    private static void AssertFrequencies(GenerationOptions options, double[] expected)
    {
        const int draws = 20_000;
        var rng = new KeyedRandom(3);
        double[] uniforms = [.. Enumerable.Range(0, draws).Select(_ => rng.NextDouble())];
        ILookup<int, int> drawn = Sample([.. uniforms.Select(_ => s_logits)], options, uniforms).ToLookup(id => id);
        for (int id = 0; id < expected.Length; id++)
        {
            double deviation = Math.Sqrt(expected[id] * (1 - expected[id]) / draws);
            Assert.InRange((double)drawn[id].Count() / draws, expected[id] - 5 * deviation, expected[id] + 5 * deviation);
        }
    }

    [Theory]
    [InlineData(2, 0.5, 1), InlineData(4, 0.5, 2), InlineData(4, 0.51, 3), InlineData(4, 0.25, 1), InlineData(4, 1e-300, 1)]
    public void The_token_that_reaches_top_p_exactly_is_the_last_one_kept(int equals, double topP, int kept)
    {
        double[] uniforms = [.. Enumerable.Range(0, 200).Select(i => i / 200.0)];
        int[] drawn = Sample([.. uniforms.Select(_ => new float[equals])], new() { Temperature = 1, TopP = topP }, uniforms);
        Assert.Equal(Enumerable.Range(0, kept), drawn.Distinct());
    }

    [Fact]
    public void A_drawn_token_is_one_of_the_k_best() =>
        Gen.Select(Gen.Float[-20, 20].Array[1, 40], Gen.Int[1, 12], Gen.Double[0.1, 3], Gen.Double[0, 0.999]).Sample(
            (logits, k, temperature, uniform) =>
            {
                int id = Sample([logits], new() { Temperature = temperature, TopK = k }, [uniform])[0];
                Assert.True(logits.Count(other => other > logits[id]) < k);
            }, threads: 1);

    /// <summary>Equal logits, -inf, one token alone, a k beyond the vocabulary, sums that one token reaches.</summary>
    [Fact]
    public void Every_row_gets_the_token_of_the_reference() => Gen.Select(
        Gen.Int[1, 60], Gen.Int[1, 5], Gen.Int[0, 70], Gen.OneOf(Gen.Const(1.0), Gen.Double[1e-9, 1], Gen.Const(1e-12)),
        Gen.Double[-3, 1], Gen.Int[1, 20], Gen.ULong).Sample((vocabulary, rows, topK, topP, temperature, spread, seed) =>
        {
            var options = new GenerationOptions { Temperature = Math.Pow(10, temperature), TopK = topK, TopP = topP };
            var rng = new KeyedRandom(seed);
            Sample(Enumerable.Range(0, rows).Select(_ => Logits(ref rng, vocabulary, spread)).ToArray(), options,
                [.. Enumerable.Range(0, rows).Select(_ => rng.NextDouble())]);
        }, iter: 2000, threads: 1);

    /// <summary>Of a large vocabulary few tokens are looked at, then more, then all, with and without equal logits.</summary>
    [Theory]
    [InlineData(0, 0.9, 0.1), InlineData(0, 0.02, 1000), InlineData(0, 0.9, 1000), InlineData(0, 0.9999, 3), InlineData(50, 1, 3),
        InlineData(1500, 0.7, 1000), InlineData(19_999, 0.9, 5), InlineData(0, 1, 5)]
    public void A_large_vocabulary_gives_the_token_of_the_reference(int topK, double topP, double temperature)
    {
        var rng = new KeyedRandom(8);
        foreach (int spread in (int[])[3, 4000])
        {
            float[][] logits = [Logits(ref rng, 20_000, spread), Logits(ref rng, 20_000, 1), Logits(ref rng, 20_000, spread)];
            for (int i = 0; i < 5; i++)
            {
                Sample(logits, new() { Temperature = temperature, TopK = topK, TopP = topP },
                    [rng.NextDouble(), rng.NextDouble(), rng.NextDouble()]);
            }
        }
    }

    /// <summary>The largest random number there is, and weights too small to change their sum.</summary>
    [Fact]
    public void The_number_next_to_one_gives_a_token_that_has_a_probability()
    {
        double most = 1 - Math.Pow(2, -53);
        Assert.Equal([1, 0], Sample([[0, 0, -1e4f], [0, -1e4f, float.NegativeInfinity]], new() { Temperature = 1 }, [most, most]));
        Assert.Equal([1], Sample([[0, 0, -1e4f]], new() { Temperature = 1, TopP = 0.9 }, [most]));
    }

    [Theory]
    [InlineData(0), InlineData(1)]
    public void Scores_that_are_no_numbers_are_an_error(double temperature)
    {
        float[] damaged = [1, float.NaN, 2];
        var options = new GenerationOptions { Temperature = temperature, TopP = 0.9 };
        string message = Assert.Throws<SkipwiseException>(() => ReferenceSampler.Sample(damaged, options, 0.5)).Message;
        Assert.Contains("score of token 1 is not a number (NaN)", message);
        Assert.Equal(message, Assert.Throws<SkipwiseException>(() => OnTensors([[1, 2, 3], damaged], options, [0.5, 0.5])).Message);
    }

    /// <summary>Multiples of a power of two: many are equal if few are possible.</summary>
    private static float[] Logits(ref KeyedRandom rng, int count, int spread)
    {
        var logits = new float[count];
        for (int id = 0; id < count; id++)
        {
            logits[id] = rng.Chance(0.1) ? float.NegativeInfinity : rng.Between(-spread, spread) / 8f;
        }
        logits[rng.Below(count)] = 0;
        return logits;
    }

    /// <summary>By tensors, in one batch; each row as the reference alone.</summary>
    private static int[] Sample(float[][] logits, GenerationOptions options, double[] uniforms)
    {
        int[] found = OnTensors(logits, options, uniforms);
        Assert.Equal(logits.Select((row, i) => ReferenceSampler.Sample(row, options, uniforms[i])), found);
        return found;
    }

    private static int[] OnTensors(float[][] logits, GenerationOptions options, double[] uniforms)
    {
        using Tensor rows = tensor(logits.SelectMany(row => row).ToArray(), [logits.Length, logits[0].Length]);
        using Tensor ids = new Sampler(options).Sample(rows, uniforms);
        Assert.Equal((ScalarType.Int64, 1), (ids.dtype, ids.shape.Length));
        return Sampler.Read(ids);
    }
}
