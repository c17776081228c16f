using Skipwise.Reports;

namespace Skipwise.Tests.Reports;

public sealed class DemoSummaryTests
{
    [Fact]
    public void When_the_control_fails_the_skips_get_the_credit()
    {
        string text = Summary(SampleDemo.PoseWins);
        Assert.Contains("No window of the fine-tuning was longer than 256 tokens.", text);
        Assert.Contains("50 of 50 trials at 256 tokens and in none of 50 trials from 512 tokens on: it fails past its window.", text);
        Assert.Contains("After PoSE the model finds the key in 49 of 50 trials at 2048 tokens (95 % interval 0.88 to 1.00)", text);
        Assert.Contains("PoSE's perplexity falls, from 3.91 with 256 tokens of window to 3.47 with 2048.", text);
        Assert.Contains("2 of 50 trials at 2048 tokens: in this run the skips made the difference.", text);
        Assert.Contains("At 2048 tokens the control's perplexity is 4.73 against PoSE's 3.47: PoSE's is lower.", text);
        Assert.Contains("At 4096 tokens, past the target, PoSE finds the key in 31 of 50 trials.", text);
        Assert.Contains("All 4 success criteria of the demo are met.", text);
        Assert.Contains("one run (seed 11)", text);
    }

    [Fact]
    public void When_the_control_does_as_well_the_text_says_so()
    {
        string text = Summary(SampleDemo.Even);
        Assert.Contains(
            "48 of 50 trials at 2048 tokens: the two cannot be told apart by these trials, so this run does not show that retrieval " +
            "needs the skips.", text);
        Assert.Contains("3.45 against PoSE's 3.47: a difference within the error bars.", text);
        Assert.DoesNotContain("made the difference", text);
    }

    [Fact]
    public void When_PoSE_fails_the_text_says_which_bar_it_missed()
    {
        string text = Summary(SampleDemo.PoseFails);
        Assert.Contains("After PoSE the model finds the key in 1 of 50 trials at 2048 tokens", text);
        Assert.Contains("it does better than PoSE, so this run speaks against the skips.", text);
        Assert.Contains("1 of 2 success criteria is not met: PoSE passkey at 2048.", text);
        Assert.DoesNotContain("All 2 bars", text);
    }

    [Fact]
    public void A_base_that_works_past_its_window_is_not_called_failing()
    {
        DemoResults results =
            SampleDemo.PoseWins with { Passkey = [new("base", 256, 1, 50), new("base", 512, 0.4, 50), new("base", 1024, 0, 50)] };
        string text = Summary(results);
        Assert.Contains("in up to 20 of 50 trials at 512 tokens, past its window.", text);
        Assert.DoesNotContain("fails", text);
    }

    [Fact]
    public void Without_intervals_the_control_gets_no_verdict()
    {
        DemoResults results = SampleDemo.PoseWins with { Passkey = [new("short", 2048, 0.1, 50), new("pose", 2048, 0.9, 50)] };
        Assert.Contains("without skips, finds the key in 5 of 50 trials at 2048 tokens.", Summary(results));
    }

    [Fact]
    public void A_perplexity_change_inside_the_error_bars_is_no_change()
    {
        DemoResults results = SampleDemo.PoseWins with { Perplexity = [new("pose", 256, 3.5, 0.1, 12), new("pose", 2048, 3.4, 0.1, 12)] };
        Assert.Contains("PoSE's perplexity stays within the error bars, from 3.50", Summary(results));
        results = results with { Perplexity = [new("pose", 256, 3.5, 0.1, 12), new("pose", 2048, 9.4, 0.1, 12)] };
        Assert.Contains("PoSE's perplexity rises, from 3.50", Summary(results));
    }

    [Fact]
    public void Without_standard_errors_no_perplexity_gets_a_verdict()
    {
        DemoResults results =
            SampleDemo.PoseWins with
            {
                Perplexity =
                [new("pose", 256, 3.5, 0.1, 2), new("pose", 2048, 3.4, double.NaN, 1), new("short", 2048, 9, 0.1, 2)]
            };
        Assert.Contains("PoSE's perplexity goes, from 3.50", Summary(results));
        Assert.Contains("is 9.00 against PoSE's 3.40.", Summary(results));
    }

    [Fact]
    public void Windows_longer_than_the_train_length_are_admitted()
    {
        Assert.Contains("used windows of up to 300 tokens, longer than the original 256",
            Summary(SampleDemo.PoseWins with { LongestTrainingWindow = 300 }));
        Assert.DoesNotContain("No window", Summary(SampleDemo.PoseWins with { LongestTrainingWindow = null }));
    }

    [Fact]
    public void With_nothing_measured_nothing_is_claimed()
    {
        var results =
            new DemoResults
            {
                TrainLength = 128,
                TargetLength = 1024,
                Perplexity = [],
                Passkey = [],
                Seconds = new Dictionary<string, double>()
            };
        ReportSummary summary = DemoSummary.Of(results);
        Assert.StartsWith("The base model has a window of 128 tokens", Assert.Single(summary.Lead));
        Assert.StartsWith("This is one run", Assert.Single(summary.Others));
    }

    [Fact]
    public void Three_sentences_lead_base_PoSE_and_control_and_none_is_said_twice()
    {
        ReportSummary summary = DemoSummary.Of(SampleDemo.PoseWins);
        Assert.Collection(summary.Lead,
            sentence => Assert.StartsWith("The base model finds", sentence),
            sentence => Assert.StartsWith("After PoSE the model finds", sentence),
            sentence => Assert.StartsWith("The control, fine-tuned alike but without skips, finds", sentence));
        Assert.Equal(8, summary.Others.Except(summary.Lead).Count());
        Assert.StartsWith("This is one run (seed 11)", summary.Others[^1]);
    }

    private static string Summary(DemoResults results)
    {
        ReportSummary summary = DemoSummary.Of(results);
        return string.Join(" ", [.. summary.Lead, .. summary.Others]);
    }
}
