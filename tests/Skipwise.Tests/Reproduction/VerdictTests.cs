using Skipwise.Reproduction;

namespace Skipwise.Tests.Reproduction;

public sealed class VerdictTests
{
    private static readonly Claim s_claim = new("a is below b.", "0.1", "the interval is below the limit");

    // reach: t(2 degrees) = 4.3027 times the error over 3 seeds
    [Theory]
    [InlineData(0.0, 0.01, Outcome.Holds), InlineData(0.09, 0.01, Outcome.NotDecided), InlineData(0.11, 0.01, Outcome.NotDecided)]
    [InlineData(0.2, 0.01, Outcome.DoesNotHold), InlineData(0.05, 0.0116, Outcome.Holds), InlineData(0.05, 0.0117, Outcome.NotDecided)]
    public void A_difference_is_decided_where_its_whole_interval_is_on_one_side(double mean, double error, object expected)
    {
        var value = new Estimate(mean, error, null, 3, 1);
        var outcome = (Outcome)expected;
        Assert.Equal(outcome, Verdict.Below(s_claim, 0.1, X(value)).Outcome);
        Outcome opposite = outcome switch
        {
            Outcome.Holds => Outcome.DoesNotHold,
            Outcome.DoesNotHold => Outcome.Holds,
            _ => outcome,
        };
        Assert.Equal(opposite, Verdict.Above(s_claim, 0.1, X(value)).Outcome);
    }

    [Fact]
    public void Without_any_error_nothing_is_decided()
    {
        var value = new Estimate(0, null, null, 1, 1);
        Assert.Equal(Outcome.NotDecided, Verdict.Below(s_claim, 0.1, X(value)).Outcome);
        Assert.Equal(Outcome.NotDecided, Verdict.Above(s_claim, 0.1, X(value)).Outcome);
        Assert.Equal(Outcome.NotDecided, Verdict.Below(s_claim, 0.1, X(new(double.NaN, 0.1, 0.1, 3, 9))).Outcome);
        Assert.Equal(Outcome.NotDecided, Verdict.AtLeast(s_claim, 0.1, X(new(double.NaN, 0.1, 0.1, 3, 9))).Outcome);
        Assert.Equal(Outcome.NotDecided, Verdict.Below(s_claim, 0.1).Outcome);
    }

    [Theory]
    [InlineData(0.9, Outcome.Holds), InlineData(0.89, Outcome.DoesNotHold), InlineData(1.0, Outcome.Holds)]
    public void What_is_counted_is_compared_itself(double mean, object expected)
    {
        Estimate found = new(mean, 0.2, 0.2, 3, 50), missed = found with { Mean = Math.Round(1 - mean, 2) };
        Assert.Equal((Outcome)expected, Verdict.AtLeast(s_claim, 0.9, X(found)).Outcome);
        Assert.Equal((Outcome)expected, Verdict.AtMost(s_claim, 0.1, X(missed)).Outcome);
    }

    [Fact]
    public void A_claim_of_several_numbers_needs_all_and_is_refuted_by_one()
    {
        static NamedEstimate Number(double mean) => X(new(mean, 0.01, null, 3, 1));
        NamedEstimate good = Number(0), open = Number(0.1), bad = Number(1);
        Assert.Equal(Outcome.Holds, Verdict.Below(s_claim, 0.1, good, good).Outcome);
        Assert.Equal(Outcome.NotDecided, Verdict.Below(s_claim, 0.1, good, open).Outcome);
        Assert.Equal(Outcome.DoesNotHold, Verdict.Below(s_claim, 0.1, good, open, bad).Outcome);
    }

    /// <summary>The mean of 9 ones and a zero may be a little less than .9.</summary>
    [Fact]
    public void A_count_that_reaches_the_limit_holds_whatever_its_rounding()
    {
        Estimate found = new(Math.BitDecrement(0.9), null, 0.1, 1, 10), missed = new(Math.BitIncrement(0.1), null, 0.1, 1, 10);
        Assert.Equal(Outcome.Holds, Verdict.AtLeast(s_claim, 0.9, X(found)).Outcome);
        Assert.Equal(Outcome.Holds, Verdict.AtMost(s_claim, 0.1, X(missed)).Outcome);
        Assert.Equal(Outcome.DoesNotHold, Verdict.AtLeast(s_claim, 0.9, X(found with { Mean = 0.9 - 1e-6 })).Outcome);
    }

    [Fact]
    public void Numbers_have_limits_and_sides_of_their_own()
    {
        NamedEstimate low = X(new(0.1, 0.01, null, 3, 1)), high = X(new(0.9, 0.01, null, 3, 1));
        Verdict verdict = Verdict.Of(s_claim, VerdictNumber.Below(low, 0.5), VerdictNumber.Above(high, 0.5));
        Assert.Equal((Outcome.Holds, 3), (verdict.Outcome, verdict.Seeds));
        Assert.Equal(Outcome.DoesNotHold, Verdict.Of(s_claim, VerdictNumber.Below(low, 0.5), VerdictNumber.Above(low, 0.5)).Outcome);
    }

    [Fact]
    public void Words_say_the_numbers_and_that_there_was_one_seed()
    {
        Verdict verdict = Verdict.Below(s_claim, 0.1, new NamedEstimate("a over b", new Estimate(0.2, null, 0.01, 1, 4), NumberUnit.Change)
            .In("here"));
        Assert.Equal("does not hold (one seed)", verdict.InWords());
        Assert.Equal("here, a over b: +20.0 % (+16.8 % to +23.2 %)", verdict.Measured());
        Assert.Equal("holds", Verdict.AtLeast(s_claim, 0.1, X(new(0.2, 0.01, 0.01, 3, 4))).InWords());
    }

    [Theory]
    [InlineData(0.00003499, NumberUnit.Probability, "0.000035"), InlineData(0.1428, NumberUnit.Probability, "0.143")]
    [InlineData(0.99996, NumberUnit.Probability, "1.000"), InlineData(0.0000999, NumberUnit.Probability, "0.00010")]
    [InlineData(0, NumberUnit.Probability, "0"), InlineData(123456.7, NumberUnit.Mebibytes, "123457")]
    [InlineData(12.34, NumberUnit.Mebibytes, "12.3"), InlineData(0.001234, NumberUnit.Seconds, "0.00123")]
    [InlineData(9.996, NumberUnit.Ratio, "10.0"), InlineData(2.138, NumberUnit.Ratio, "2.14")]
    [InlineData(0.9, NumberUnit.Fraction, "90.0 %")]
    [InlineData(-0.125, NumberUnit.Difference, "-12.5 points"), InlineData(2345.6, NumberUnit.Change, "+234560.0 %")]
    [InlineData(double.NaN, NumberUnit.Ratio, "NaN")]
    public void No_number_has_an_exponent(double value, object unit, string expected) =>
        Assert.Equal(expected, NumberText.InVerdict(value, (NumberUnit)unit));

    private static NamedEstimate X(Estimate value) => new("x", value, NumberUnit.Fraction);
}
