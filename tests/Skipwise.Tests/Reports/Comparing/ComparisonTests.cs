using System.Text.Json;
using Skipwise.Evaluation.Results;
using Skipwise.Reports;
using Skipwise.Reports.Comparing;
using static Skipwise.Tests.Reports.Comparing.SampleComparison;

namespace Skipwise.Tests.Reports.Comparing;

public sealed class ComparisonTests
{
    private static ComparedModel Second => Usual.Models[1];

    [Fact]
    public void Every_record_has_its_own_line()
    {
        Assert.Equal(Enumerable.Range(1, Usual.Lines.Count), Usual.Records.Select(Usual.Line).Order());
        Assert.All(Usual.Records, record => Assert.Equal(EvaluationJson.ToJsonLine(record), Usual.Lines[Usual.Line(record) - 1]));
        Assert.All(Usual.Lines,
            line => Assert.Contains(JsonDocument.Parse(line).RootElement.GetProperty("model").GetString(), new[] { Base, Extended }));
    }

    [Fact]
    public void Derived_numbers_follow_from_the_measured_ones()
    {
        EvaluationRecord increase = Usual.Find(Second, "perplexity", "increase", 128)!;
        Assert.Equal(3.46 / 3.40 - 1, increase.Value, 12);
        Assert.Equal(3.46 / 3.40 * Math.Sqrt(Math.Pow(0.05 / 3.46, 2) + Math.Pow(0.05 / 3.40, 2)), increase.StandardError!.Value, 12);
        EvaluationRecord change = Usual.Find(Second, "piqa", "acc_change")!;
        Assert.Equal(-0.08, change.Value, 12);
        Assert.Equal(Math.Sqrt(2) * 0.01, change.StandardError!.Value, 12);
        EvaluationRecord effective = Usual.Find(Second, "effective_length", "tokens")!;
        Assert.Equal(512, effective.Value);
        Assert.Equal([128, 512], effective.Interval!);
        Assert.Null(Usual.Find(Usual.Reference, "piqa", "acc_change"));
    }

    [Fact]
    public void Perplexities_of_different_tokenizers_are_not_compared()
    {
        var comparison =
            new Comparison(Plan(Model("a", 128), Model("b", 128, "other")), [[Perplexity(128, 3, 0.1)], [Perplexity(128, 4, 0.1)]]);
        Assert.Null(comparison.Find(comparison.Models[1], "perplexity", "increase", 128));
        string[] sentences = [.. ComparisonSummary.Of(comparison).Lead, .. ComparisonSummary.Of(comparison).Others];
        Assert.Contains(sentences, sentence => sentence.StartsWith("The models' tokenizers differ", StringComparison.Ordinal));
        Assert.DoesNotContain(sentences, sentence => sentence.Contains("tokens the perplexity of", StringComparison.Ordinal));
    }

    [Fact]
    public void Unequal_settings_are_seen_and_those_that_change_nothing_are_not()
    {
        EvaluationRecord With(string setting, int value) =>
            Passkey(128, 50) is var p && p.Settings!.DeepClone().AsObject() is var s && (s[setting] = value) is not null
            ? p with { Settings = s }
            : p;
        Assert.Equal(["passkey"],
            new Comparison(Plan(Model("a", 128), Model("b", 128)), [[With("trials", 50)], [With("trials", 40)]]).UnevenTasks());
        Assert.Empty(
            new Comparison(Plan(Model("a", 128), Model("b", 128)), [[With("batch_size", 1)], [With("batch_size", 16)]]).UnevenTasks());
        Assert.Empty(Usual.UnevenTasks());
    }

    [Fact]
    public void The_summary_claims_what_the_numbers_carry()
    {
        string text = Text(Usual);
        Assert.Contains("base-1k against base, whose original window is 128 tokens.", text);
        Assert.Contains("The effective length of base is 128 tokens", text);
        Assert.Contains(
            "The effective length of base-1k is 512 tokens (within the errors 128 to 512): at 1024 tokens passkey is 0.7, below 0.9.",
            text);
        Assert.Contains("perplexity of base-1k is 3.46 against base's 3.40: +1.8 % ± 2.1 %, a difference within the errors.", text);
        Assert.Contains(
            "Of 2 benchmark numbers of base-1k, 1 is lower than base's beyond the errors (piqa -0.080), 0 higher, and 1 cannot be told " +
            "apart.", text);
        Assert.Contains("Not measured: needle (needs nothing).", text);
    }

    [Fact]
    public void A_clear_rise_is_told_as_one()
    {
        var comparison = new Comparison(Plan(Model("a", 128), Model("b", 128)), [[Perplexity(128, 3, 0.01)], [Perplexity(128, 3.3, 0.01)]]);
        string text = Text(comparison);
        Assert.Contains("3.30 against a's 3.00: +10.0 % ± 0.5 %.", text);
        Assert.Contains("No retrieval was measured of a, so no effective length is stated", text);
        Assert.StartsWith("No retrieval was measured, so no effective length is stated", ComparisonSummary.Of(comparison).Lead[0]);
    }

    [Fact]
    public void Three_sentences_lead_the_lengths_the_cost_and_the_gates()
    {
        const string Lengths = "The effective length is 128 tokens for base and 512 tokens for base-1k (within the errors 128 to 512).",
            Cost = "At 128 tokens the perplexity of base-1k is 3.46 against base's 3.40: +1.8 % ± 2.1 %, a difference within the errors.",
            Benchmarks = "Of 2 benchmark numbers of base-1k, 1 is lower than base's beyond the errors (piqa -0.080), 0 higher, and 1 " +
                "cannot be told apart.";
        Assert.Equal([Lengths, Cost, Benchmarks], ComparisonSummary.Of(Usual).Lead);
        ReportSummary judged = ComparisonSummary.Of(SampleComparison.Of(new() { MinPasskey = 0.9 }));
        Assert.Equal([Lengths, Cost, "The gate is not passed."], judged.Lead);
        Assert.Contains(Benchmarks, judged.Others);
        Assert.DoesNotContain(Cost, judged.Others);
        Assert.Equal("1 of 2 gates is not passed.",
            ComparisonSummary.Of(SampleComparison.Of(new() { MinPasskey = 0.9, MaxShortPplIncrease = 0.05 })).Lead[2]);
        Assert.Equal("All 2 gates are passed.",
            ComparisonSummary.Of(SampleComparison.Of(new() { MinEffectiveLength = 256, MaxShortPplIncrease = 0.05 })).Lead[2]);
    }

    [Fact]
    public void Of_several_models_the_one_that_pays_most_leads()
    {
        EvaluationRecord[] Of(double perplexity, params int[] found) =>
            [Perplexity(128, perplexity, 0.01), .. Lengths.Zip(found, Passkey)];
        var comparison = new Comparison(Plan(Model("a", 128), Model("b", 256), Model("c", 512), Model("d", 1024)),
            [Of(3, 50, 50), Of(3.1, 50, 50, 0), Of(3.3, 0, 0), [Perplexity(128, 3.2, 0.01)]]);
        ReportSummary summary = ComparisonSummary.Of(comparison);
        Assert.Equal(
        [
            "The effective length is 256 tokens (the longest measured) for a, 256 tokens for b, none of those measured for c and not " +
            "known for d, of which no retrieval was measured.",
            "At 128 tokens the perplexity of c is 3.30 against a's 3.00: +10.0 % ± 0.5 %; of 3 models its change is the highest.",
        ], summary.Lead);
        Assert.Contains("At 128 tokens the perplexity of b is 3.10 against a's 3.00: +3.3 % ± 0.5 %.", summary.Others);
    }

    [Fact]
    public void A_single_model_leads_with_its_own_window()
    {
        ReportSummary summary = ComparisonSummary.Of(new(Plan(Model("a", 1024)), [[Passkey(128, 50)]]));
        Assert.Equal(["a is meant for 1024 tokens, its base model for 128.",
            "The effective length of a is 128 tokens: it holds at every length measured, and none above 128 was."], summary.Lead);
    }

    private static string Text(Comparison comparison)
    {
        ReportSummary summary = ComparisonSummary.Of(comparison);
        return string.Join(" ", [.. summary.Lead, .. summary.Others]);
    }
}
