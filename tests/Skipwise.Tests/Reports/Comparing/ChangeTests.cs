using System.Text.Json.Nodes;
using Skipwise.Evaluation.Perplexity;
using Skipwise.Evaluation.Results;
using Skipwise.Evaluation.Ruler;
using Skipwise.Evaluation.Tasks;
using Skipwise.Numerics;
using Skipwise.Reports.Comparing;
using static Skipwise.Tests.Reports.Comparing.SampleComparison;

namespace Skipwise.Tests.Reports.Comparing;

public sealed class ChangeTests
{
    private static EvaluationRecord Answers(params double[] right) => new()
    {
        Task = "boolq",
        Metric = "acc",
        Value = right.Average(),
        StandardError = Statistics.StandardError(right),
        Samples = right,
        Settings = new JsonObject { ["measurement"] = "b", ["shots"] = 0 },
    };

    private static EvaluationRecord Documents(params (double Loss, long Tokens)[] documents) =>
        PerplexityResult.FromDocuments(128, documents).ToRecord("m", new() { Windows = [128] });

    [Fact]
    public void Answers_to_the_same_questions_are_compared_one_by_one()
    {
        // differences 0, 1, 0, 0: mean 1/4, variance (3/16 + 9/16) / 3 = 1/4, error sqrt(1/4 / 4)
        Assert.Equal(new(0.25, 0.25, true), Change.Difference(Answers(1, 1, 0, 1), Answers(1, 0, 0, 1), sameQuestions: true));
        // apart: errors sqrt(1/4 / 4) and sqrt(1/3 / 4)
        Change apart = Change.Difference(Answers(1, 1, 0, 1), Answers(1, 0, 0, 1), sameQuestions: false);
        Assert.Equal((0.25, false), (apart.Value, apart.IsPaired));
        Assert.Equal(Math.Sqrt((1.0 / 16) + (1.0 / 12)), apart.StandardError!.Value, 12);
        Assert.False(Change.Difference(Answers(1, 1, 0), Answers(1, 0, 0, 1), sameQuestions: true).IsPaired);
        Assert.False(Change.Difference(Answers(1, 0), Answers(1, 1) with { Samples = null }, sameQuestions: true).IsPaired);
        Assert.Null(Change.Difference(Answers(1, 0), Answers(1, 1) with { StandardError = null }, sameQuestions: true).StandardError);
    }

    [Fact]
    public void Perplexities_are_compared_by_the_logarithm_document_by_document()
    {
        // two documents of ten tokens: the mean losses differ by 0.2 and 0, so ln(own / reference) is 0.1 with the error 0.1
        Change change = Change.Relative(Documents((10, 10), (20, 10)), Documents((8, 10), (20, 10)), sameQuestions: true);
        Assert.True(change.IsPaired);
        Assert.Equal(Math.Exp(0.1) - 1, change.Value, 12);
        Assert.Equal(0.1 * Math.Exp(0.1), change.StandardError!.Value, 12);
        // documents of different lengths: the ratio estimator of the differences 3, 0 and -1 over 10, 20 and 30 tokens
        change = Change.Relative(Documents((13, 10), (25, 20), (40, 30)), Documents((10, 10), (25, 20), (41, 30)), sameQuestions: true);
        MeanLoss difference = MeanLoss.FromDocuments([(3, 10), (0, 20), (-1, 30)]);
        Assert.Equal(Math.Exp(2.0 / 60) - 1, change.Value, 12);
        Assert.Equal(Math.Exp(2.0 / 60) * difference.StandardError!.Value, change.StandardError!.Value, 12);
    }

    [Fact]
    public void Samples_have_the_value_for_their_mean_and_its_error_for_theirs()
    {
        EvaluationRecord perplexity = Documents((10, 10), (33, 20), (20, 10), (70, 50));
        Assert.Equal(perplexity.Value, perplexity.Samples!.Average(), 12);
        Assert.Equal(perplexity.StandardError!.Value, Statistics.StandardError([.. perplexity.Samples!]), 12);

        double[] logs = [-1, -2, -6];
        double[] samples = TaskMetric.Perplexity.Samples(logs, Math.Exp(3));
        Assert.Equal([Math.Exp(3) * -1, Math.Exp(3) * 0, Math.Exp(3) * 4], samples);
        Assert.Equal(logs, TaskMetric.Mc2.Samples(logs, -3));

        RulerTrial Trial(string task, int sample, double score) => new(task, 4096, sample, 4000, null, [], "", score);
        RulerResult Result(string task, params double[] scores) =>
            new(RulerTask.All.First(known => known.Name == task), 4096, [.. scores.Select((score, i) => Trial(task, i, score))]);
        Assert.Equal([75.0, 25.0],
            new RulerSummary([Result("vt", 1, 0.5), Result("cwe", 0.5, 0)], new() { Lengths = [4096] }).Averages[0].Samples!);
        Assert.Null(new RulerSummary([Result("vt", 1, 0.5), Result("cwe", 0.5)], new() { Lengths = [4096] }).Averages[0].Samples);
    }

    [Fact]
    public void A_comparison_pairs_what_was_measured_alike()
    {
        EvaluationRecord With(EvaluationRecord record, int limit) =>
            record with { Settings = new JsonObject { ["measurement"] = $"{limit}", ["shots"] = 0, ["limit"] = limit } };
        EvaluationRecord ChangeBetween(EvaluationRecord own, EvaluationRecord reference)
        {
            var comparison = new Comparison(Plan(Model("a", 128), Model("b", 128)), [[reference], [own]]);
            return comparison.Find(comparison.Models[1], "boolq", "acc_change")!;
        }
        EvaluationRecord paired = ChangeBetween(With(Answers(1, 1, 0, 1), 4), With(Answers(1, 0, 0, 1), 4));
        Assert.Equal((0.25, 0.25), (paired.Value, paired.StandardError!.Value));
        Assert.Equal("""{"against":"a","paired":true}""", paired.Settings!.ToJsonString());
        Assert.Contains("\"paired\":false",
            ChangeBetween(With(Answers(1, 1, 0, 1), 4), With(Answers(1, 0, 0, 1), 5)).Settings!.ToJsonString(), StringComparison.Ordinal);
    }
}
