using Skipwise.Evaluation.Results;
using Skipwise.Reports.Comparing;
using static Skipwise.Tests.Reports.Comparing.SampleComparison;

namespace Skipwise.Tests.Reports.Comparing;

public sealed class GatesTests
{
    [Theory]
    [InlineData(0.7, true)]
    [InlineData(0.71, false)] // 35 of 50 at 1024
    public void Passkey_is_judged_by_the_worst_length_within_the_window(double least, bool passes)
    {
        GateResult gate = Assert.Single(Gates.Judge(SampleComparison.Of(new() { MinPasskey = least })));
        Assert.Equal((Extended, passes), (gate.Model, gate.Passed));
        Assert.Equal("0.70 at 1024 tokens, the least of 128, 256, 512, 1024", gate.Finding);
    }

    [Fact]
    public void Lengths_past_the_window_are_not_the_model_s_promise()
    {
        ComparedModel model = Model("m", 256);
        Assert.True(Judge([model], new() { MinPasskey = 0.9 }, Passkey(256, 50), Passkey(512, 0)).Passed);
    }

    [Theory]
    [InlineData(0.02, true)] // 3.46 / 3.40 - 1 = 0.0176
    [InlineData(0.017, false)]
    public void Short_perplexity_is_relative_to_the_first_model(double most, bool passes)
    {
        GateResult gate = Assert.Single(Gates.Judge(SampleComparison.Of(new() { MaxShortPplIncrease = most })));
        Assert.Equal(passes, gate.Passed);
        Assert.Equal("+1.8 % ± 2.1 % (3.46 against 3.40 at 128 tokens)", gate.Finding);
    }

    [Fact]
    public void A_large_improvement_passes() =>
        Assert.True(Judge([Model("a", 128), Model("b", 128)], new() { MaxShortPplIncrease = 0.01 }, Perplexity(128, 4, 0.1),
            Perplexity(128, 2, 0.1)).Passed);

    [Fact]
    public void An_increase_as_large_as_the_bound_passes() =>
        Assert.True(Judge([Model("a", 128), Model("b", 128)], new() { MaxShortPplIncrease = 0.5 }, Perplexity(128, 4, 0.1),
            Perplexity(128, 6, 0.1)).Passed);

    [Theory]
    [InlineData(512, true)]
    [InlineData(513, false)]
    public void Effective_length_is_a_gate(int least, bool passes) =>
        Assert.Equal(passes,
            Judge([Model("m", 1024)], new() { MinEffectiveLength = least }, Passkey(256, 50), Passkey(512, 50), Passkey(1024, 2)).Passed);

    [Fact]
    public void What_cannot_be_judged_has_failed()
    {
        ComparedModel[] two = [Model("a", 128), Model("b", 128)];
        Assert.Contains("there is no other model",
            Failed([Model("a", 128)], new() { MaxShortPplIncrease = 1 }, Perplexity(128, 3, 0.1)).Finding);
        Assert.Contains("EvaluateAllOptions.Data", Failed(two, new() { MaxShortPplIncrease = 1 }, Perplexity(256, 3, 0.1)).Finding);
        Assert.Contains("not measured", Failed(two, new() { MinPasskey = 0 }, Passkey(256, 50)).Finding);
        Assert.Contains("no retrieval", Failed(two, new() { MinEffectiveLength = 0 }, Perplexity(128, 3, 0.1)).Finding);
        Assert.Contains("tokenizers differ",
            Failed([Model("a", 128), Model("b", 128, "other")], new() { MaxShortPplIncrease = 1 }, Perplexity(128, 3, 0.1)).Finding);
        Assert.False(Judge(two, new() { MaxShortPplIncrease = 1 }, Perplexity(128, double.NaN, null)).Passed);
        Assert.False(Judge(two, new() { MinPasskey = 0 }, Passkey(128, 50) with { Value = double.NaN }).Passed);
    }

    [Fact]
    public void The_reference_is_not_judged_and_every_other_model_is()
    {
        var comparison = new Comparison(Plan(Model("a", 128), Model("b", 128), Model("c", 128)) with { Gates = new() { MinPasskey = 0.9 } },
            [[Passkey(128, 0)], [Passkey(128, 50)], [Passkey(128, 3)]]);
        Assert.Equal([("b", true), ("c", false)], Gates.Judge(comparison).Select(gate => (gate.Model, gate.Passed)));
        Assert.Empty(Gates.Judge(Usual));
    }

    private static GateResult Failed(ComparedModel[] models, GateOptions gates,
        params Skipwise.Evaluation.Results.EvaluationRecord[] records)
    {
        GateResult gate = Judge(models, gates, records);
        Assert.False(gate.Passed);
        return gate;
    }

    private static GateResult Judge(ComparedModel[] models, GateOptions gates,
        params Skipwise.Evaluation.Results.EvaluationRecord[] records) =>
        Assert.Single(Gates.Judge(new Comparison(Plan(models) with { Gates = gates }, [.. models.Select(_ => records)])));
}
