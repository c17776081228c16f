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
        Assert.Equal(outcome, Verdict.Below(s_claim, 0.1, ("x", value)).Outcome);
        Outcome opposite = outcome switch
        {
            Outcome.Holds => Outcome.DoesNotHold,
            Outcome.DoesNotHold => Outcome.Holds,
            _ => outcome,
        };
        Assert.Equal(opposite, Verdict.Above(s_claim, 0.1, ("x", value)).Outcome);
    }

    [Fact]
    public void Without_any_error_nothing_is_decided()
    {
        var value = new Estimate(0, null, null, 1, 1);
        Assert.Equal(Outcome.NotDecided, Verdict.Below(s_claim, 0.1, ("x", value)).Outcome);
        Assert.Equal(Outcome.NotDecided, Verdict.Above(s_claim, 0.1, ("x", value)).Outcome);
        Assert.Equal(Outcome.NotDecided, Verdict.Below(s_claim, 0.1, ("x", new Estimate(double.NaN, 0.1, 0.1, 3, 9))).Outcome);
        Assert.Equal(Outcome.NotDecided, Verdict.AtLeast(s_claim, 0.1, ("x", new Estimate(double.NaN, 0.1, 0.1, 3, 9))).Outcome);
        Assert.Equal(Outcome.NotDecided, Verdict.Below(s_claim, 0.1).Outcome);
    }

    [Theory]
    [InlineData(0.9, Outcome.Holds), InlineData(0.89, Outcome.DoesNotHold), InlineData(1.0, Outcome.Holds)]
    public void What_is_counted_is_compared_itself(double mean, object expected)
    {
        Estimate found = new(mean, 0.2, 0.2, 3, 50), missed = found with { Mean = Math.Round(1 - mean, 2) };
        Assert.Equal((Outcome)expected, Verdict.AtLeast(s_claim, 0.9, ("x", found)).Outcome);
        Assert.Equal((Outcome)expected, Verdict.AtMost(s_claim, 0.1, ("x", missed)).Outcome);
    }

    [Fact]
    public void A_claim_of_several_numbers_needs_all_and_is_refuted_by_one()
    {
        static (string, Estimate) Number(double mean) => ("x", new(mean, 0.01, null, 3, 1));
        (string, Estimate) good = Number(0), open = Number(0.1), bad = Number(1);
        Assert.Equal(Outcome.Holds, Verdict.Below(s_claim, 0.1, good, good).Outcome);
        Assert.Equal(Outcome.NotDecided, Verdict.Below(s_claim, 0.1, good, open).Outcome);
        Assert.Equal(Outcome.DoesNotHold, Verdict.Below(s_claim, 0.1, good, open, bad).Outcome);
    }

    [Fact]
    public void Words_say_the_numbers_and_that_there_was_one_seed()
    {
        Verdict verdict = Verdict.Below(s_claim, 0.1, ("at 1x", new Estimate(0.2, null, 0.01, 1, 4)));
        Assert.Equal("does not hold (one seed)", verdict.InWords());
        Assert.Equal("at 1x: 0.2 (0.168 to 0.232)", verdict.Measured());
        Assert.Equal("holds", Verdict.AtLeast(s_claim, 0.1, ("x", new Estimate(0.2, 0.01, 0.01, 3, 4))).InWords());
    }
}
