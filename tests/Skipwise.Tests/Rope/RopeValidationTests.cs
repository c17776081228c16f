using Skipwise.Rope;

namespace Skipwise.Tests.Rope;

public class RopeValidationTests
{
    [Fact]
    public void Names_and_types_map_both_ways()
    {
        Assert.Equal(["default", "linear", "ntk", "dynamic-ntk", "yarn", "yarn-revised", "llama3", "longrope"], RopeTypeNames.All);
        Assert.Equal(Enum.GetValues<RopeType>(), RopeTypeNames.All.Select(RopeTypeNames.Parse));
        Assert.Equal(RopeTypeNames.All, Enum.GetValues<RopeType>().Select(RopeTypeNames.NameOf));
        Assert.Equal(RopeType.YarnRevised, RopeTypeNames.Parse("YaRN-Revised"));
        Assert.Equal(RopeType.DynamicNtk, RopeTypeNames.Parse("dynamic-ntk"));
    }

    [Fact]
    public void An_unknown_name_is_answered_with_the_known_ones()
    {
        string message = Assert.Throws<SkipwiseException>(() => RopeTypeNames.Parse("yarm")).Message;
        Assert.Contains("'yarm'", message, StringComparison.Ordinal);
        Assert.All(RopeTypeNames.All, name => Assert.Contains(name, message, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(RopeType.Default, 127, 1, 0, "rotary dimension 127")]
    [InlineData(RopeType.Default, 0, 1, 0, "rotary dimension 0")]
    [InlineData(RopeType.Ntk, 2, 2, 0, "rotary dimension of at least 4")]
    [InlineData(RopeType.Linear, 8, 0.5, 0, "RopeOptions.Factor) of rope type linear is 0.5")]
    [InlineData(RopeType.Ntk, 8, double.NaN, 0, "RopeOptions.Factor) of rope type ntk is NaN")]
    [InlineData(RopeType.Yarn, 8, 2, 0, "yarn needs original_max_position_embeddings (RopeOptions.OriginalMaxPositionEmbeddings), found 0")]
    [InlineData(RopeType.YarnRevised, 8, 2, -5, "yarn-revised needs original_max_position_embeddings")]
    [InlineData(RopeType.DynamicNtk, 8, 2, 0, "dynamic-ntk needs original_max_position_embeddings")]
    [InlineData(RopeType.Llama3, 8, 2, 0, "llama3 needs original_max_position_embeddings")]
    public void A_bad_value_is_named(RopeType type, int dim, double factor, int original, string expected)
    {
        RopeOptions rope = new() { Type = type, Factor = factor, OriginalMaxPositionEmbeddings = original };
        Assert.Contains(expected, Error(rope, dim), StringComparison.Ordinal);
    }

    [Fact]
    public void Longrope_lists_must_have_a_positive_number_per_pair()
    {
        RopeOptions rope =
            new()
            {
                Type = RopeType.LongRope,
                Factor = 2,
                OriginalMaxPositionEmbeddings = 32,
                ShortFactor = [1, 1, 1],
                LongFactor = [1, 1, 1, 0]
            };
        string message = Error(rope, 8);
        Assert.Contains("short_factor with 4 numbers, one per pair of the 8 rotary dimensions; found 3", message, StringComparison.Ordinal);
        Assert.Contains("long_factor holds a number that is not greater than 0", message, StringComparison.Ordinal);
        Assert.Contains("long_factor with 4 numbers", Error(rope with { LongFactor = null }, 8), StringComparison.Ordinal);
    }

    [Fact]
    public void All_problems_are_reported_at_once()
    {
        RopeOptions rope = new() { Type = RopeType.Yarn, Factor = 0, Theta = 1, AttentionFactor = 0, BetaSlow = 0 };
        Assert.Equal(6, Error(rope, 7).Split('\n').Length);
        Assert.Contains("high_freq_factor 1", Error(rope with { Type = RopeType.Llama3, HighFreqFactor = 1 }, 7), StringComparison.Ordinal);
    }

    private static string Error(RopeOptions rope, int dim) =>
        Assert.Throws<SkipwiseException>(() => RopeFrequency.Compute(rope, dim)).Message;
}
