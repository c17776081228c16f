using System.Text.Json;
using Skipwise.Positions;

namespace Skipwise.Tests.Positions;

/// <summary>Chunk lengths and biases against what the original code draws.</summary>
public class SamplerDistributionTests
{
    private const int Samples = 50_000;

    [Theory]
    [InlineData("code_2chunks/stats", 10240, 100_000)]
    [InlineData("code_2chunks_document_3000_tokens", 3000, 20_000)]
    [InlineData("code_2chunks_document_700_tokens_shorter_than_Lc/stats", 700, 20_000)]
    public void Released_chunks_are_drawn_as_the_original_code_draws_them(string section, int documentLength, int theirSamples)
    {
        PositionPlan[] plans = SamplerFixture.Plans(SamplerFixture.Released, documentLength, Samples);
        JsonElement expected = SamplerFixture.At(section.Split('/'));
        SameDistribution(expected.GetProperty("chunk0_length"), theirSamples, plans, plan => plan.Chunks[0].Length);
        SameDistribution(expected.GetProperty("chunk1_position_bias_u1"), theirSamples, plans,
            plan => SamplerFixture.PositionBias(plan, 1));
        SameDistribution(expected.GetProperty("chunk1_content_bias_v1"), theirSamples, plans, plan => ContentBias(plan, 1));
        Assert.Equal(expected.GetProperty("max_position").GetInt32(), plans.Max(plan => plan.Chunks[^1].PositionEnd - 1));
    }

    [Fact]
    public void Three_uniform_chunks_are_drawn_as_figure_5_draws_them()
    {
        PositionPlan[] plans = SamplerFixture.Plans(SamplerFixture.Uniform with { Chunks = 3 }, SamplerFixture.DocumentLength, Samples);
        JsonElement expected = SamplerFixture.At("figure6_3chunks", "distribution");
        for (int chunk = 0; chunk < 3; chunk++)
        {
            int i = chunk;
            SameDistribution(expected.GetProperty($"l{i}"), 100_000, plans, plan => plan.Chunks[i].Length);
            if (i > 0)
            {
                SameDistribution(expected.GetProperty($"u{i}"), 100_000, plans, plan => SamplerFixture.PositionBias(plan, i));
            }
        }
    }

    private static int ContentBias(PositionPlan plan, int chunk) =>
        plan.Chunks[chunk].ContentStart - plan.Chunks.Take(chunk).Sum(c => c.Length);

    /// <summary>Mean, spread and seven quantiles agree within what two samples of these sizes may differ by (four standard
    /// errors).</summary>
    private static void SameDistribution(JsonElement expected, int theirSamples, PositionPlan[] plans, Func<PositionPlan, int> quantity)
    {
        int[] found = [.. plans.Select(quantity).Order()];
        double std = expected.GetProperty("std").GetDouble();
        double samples = 1 / ((1.0 / theirSamples) + (1.0 / found.Length)); // of a difference of two means
        double meanTolerance = 4 * std / Math.Sqrt(samples);
        double mean = found.Average();
        Assert.Equal(expected.GetProperty("mean").GetDouble(), mean, meanTolerance);
        Assert.Equal(std, Math.Sqrt(found.Average(x => (x - mean) * (x - mean))), meanTolerance);
        Assert.InRange(found[0], expected.GetProperty("min").GetInt32() - (std / 2), expected.GetProperty("min").GetInt32() + (std / 2));
        if (std == 0)
        {
            Assert.Equal(found[0], found[^1]);
            return;
        }
        foreach (JsonProperty quantile in expected.GetProperty("quantiles").EnumerateObject())
        {
            // compared as shares: how many of ours lie below theirs (half of those equal, so that steps do not matter)
            double share = double.Parse(quantile.Name, System.Globalization.CultureInfo.InvariantCulture) / 100;
            double value = quantile.Value.GetDouble();
            double ours = found.Sum(x => x < value ? 1.0 : x == value ? 0.5 : 0) / found.Length;
            Assert.Equal(share, ours, 4 * Math.Sqrt(share * (1 - share) / samples));
        }
    }
}
