using Skipwise.Evaluation.Results;
using Skipwise.Reports.Comparing;
using static Skipwise.Tests.Reports.Comparing.SampleComparison;

namespace Skipwise.Tests.Reports.Comparing;

public sealed class EffectiveLengthTests
{
    private static readonly EffectiveLengthRule s_rule = new();

    [Fact]
    public void It_ends_before_the_first_length_that_fails_though_a_longer_one_holds()
    {
        EffectiveLength length = Length(Passkey(128, 50), Passkey(256, 40), Passkey(512, 50));
        Assert.Equal((128, 128, 512), (length.Tokens, length.Low, length.Longest));
        Assert.Equal("at 256 tokens passkey is 0.8, below 0.9", length.Limit);
    }

    [Fact]
    public void Its_ends_are_where_the_interval_s_ends_cross_the_threshold()
    {
        // 95 % intervals of Wilson: 50/50 0.93..1, 47/50 0.84..0.98, 43/50 0.74..0.93, 30/50 0.46..0.72
        EffectiveLength length = Length(Passkey(128, 50), Passkey(256, 47), Passkey(512, 43), Passkey(1024, 30));
        Assert.Equal((256, 128, 512), (length.Tokens, length.Low, length.High));
    }

    [Theory]
    [InlineData(3.99, 256, 256)] // fallen
    [InlineData(4.04, 256, 128)] // risen, by less than its error
    [InlineData(4.09, 128, 128)] // by less than two
    [InlineData(4.11, 128, 128)]
    [InlineData(double.NaN, 128, 128)]
    public void Perplexity_may_not_rise_beyond_its_standard_error(double far, int tokens, int low)
    {
        EffectiveLength length = Length(Passkey(128, 50), Passkey(256, 50), Perplexity(128, 4, 0.05), Perplexity(256, far, 0.05));
        Assert.Equal((tokens, low, far < 4.1 ? 256 : 128), (length.Tokens, length.Low, length.High));
    }

    [Fact]
    public void A_perplexity_that_is_worse_at_shorter_windows_than_the_original_is_not_asked() =>
        Assert.Equal(256,
            Length(Passkey(64, 50), Passkey(128, 50), Passkey(256, 50), Perplexity(64, 9, 0.1), Perplexity(128, 4, 0.1),
                Perplexity(256, 4, 0.1)).Tokens);

    [Fact]
    public void Without_the_original_window_the_shortest_one_is_the_measure() =>
        Assert.Equal(256, Length(Passkey(256, 50), Passkey(512, 50), Perplexity(256, 4, 0.1), Perplexity(512, 5, 0.1)).Tokens);

    [Fact]
    public void Ruler_counts_by_its_average_and_two_standard_errors()
    {
        EffectiveLength length =
            Length(Ruler("ruler", 128, 90), Ruler("ruler", 256, 86), Ruler("ruler", 512, 84), Ruler("ruler", 1024, 80),
                Ruler("ruler_vt", 128, 0));
        Assert.Equal((256, 128, 512), (length.Tokens, length.Low, length.High)); // errors of 2
        Assert.Equal("at 512 tokens RULER is 84, below 85.6", length.Limit);
    }

    [Fact]
    public void Perplexity_alone_gives_none() => Assert.Null(EffectiveLength.Compute([Perplexity(128, 3, 0.1)], s_rule, 128));

    [Fact]
    public void A_model_that_fails_at_once_has_zero() =>
        Assert.Equal((0, 0, 0), Length(Passkey(128, 3)) is var l ? (l.Tokens, l.Low, l.High) : default);

    [Fact]
    public void What_holds_to_the_end_has_no_limit() => Assert.Null(Length(Passkey(128, 50), Passkey(256, 50)).Limit);

    private static EffectiveLength Length(params EvaluationRecord[] records) => EffectiveLength.Compute(records, s_rule, 128)!;
}
