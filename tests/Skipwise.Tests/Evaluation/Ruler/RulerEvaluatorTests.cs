using Skipwise.Evaluation.Needles;
using Skipwise.Evaluation.Results;
using Skipwise.Evaluation.Ruler;
using Skipwise.Models;

namespace Skipwise.Tests.Evaluation.Ruler;

public sealed class RulerEvaluatorTests
{
    private static readonly WordTokenizer s_tokenizer = new(20, addsBos: true);
    private static readonly RulerData s_material = new(new Essays(Haystack.OwnProse(3000)));
    private static readonly RulerOptions s_options = new() { Tasks = ["niah_single_2", "vt"], Lengths = [600, 700], Samples = 3 };

    private static RulerTask Task(string name) => RulerTask.All.Single(task => task.Name == name);

    [Theory]
    [InlineData("vt", "AAAAA bbbbb and ddddd", 0.6)]
    [InlineData("vt", "nothing", 0.0)]
    [InlineData("vt", "aaaaabbbbbcccccDDDDDeeeee", 1.0)]
    [InlineData("qa_1", "it is CCCCC, I think", 1.0)]
    [InlineData("qa_1", "AAAAA BBBBB", 1.0)]
    [InlineData("qa_1", "ABCDE", 0.0)]
    public void References_are_looked_for_anywhere_in_any_case(string task, string answer, double score) =>
        Assert.Equal(score, Task(task).Score(answer, ["AAAAA", "BBBBB", "CCCCC", "DDDDD", "EEEEE"]), 1e-12);

    [Fact]
    public void Batches_of_1_and_of_16_give_the_same_answers()
    {
        using CausalLM model = TinyModel.Create();
        RulerSummary single = RulerEvaluator.Evaluate(model, s_tokenizer, s_material, s_options with { BatchSize = 1 });
        RulerSummary batched = RulerEvaluator.Evaluate(model, s_tokenizer, s_material, s_options with { BatchSize = 16 });
        Assert.Equal([("niah_single_2", 600), ("vt", 600), ("niah_single_2", 700), ("vt", 700)],
            single.Results.Select(result => (result.Task.Name, result.Length)));
        Assert.All(single.Results, result => Assert.Equal(3, result.Count));
        Assert.Equal(single.Results.SelectMany(r => r.Trials).Select(t => (t.Task, t.Sample, t.Answer)),
            batched.Results.SelectMany(r => r.Trials).Select(t => (t.Task, t.Sample, t.Answer)));
        Assert.All(single.Results.SelectMany(r => r.Trials), trial => Assert.Null(trial.Prompt)); // kept only where a file is
    }

    [Fact]
    public void Answers_are_scored_and_averaged_by_hand()
    {
        using CausalLM model = TinyModel.Create();
        var plain = new RulerSamples(Task("niah_single_2"), s_material, s_tokenizer, 600, s_options);
        string second = plain.Draw(1).Text.References[0];
        RulerSummary summary =
            RulerEvaluator.Evaluate(model, new WordTokenizer(20, true, decoded: $" {second}."), s_material,
                s_options with { Threshold = 10 });
        RulerResult found = summary.Results[0];
        Assert.Equal([0.0, 1, 0], found.Trials.Select(trial => trial.Score));
        Assert.Equal(100.0 / 3, found.Value, 1e-9);
        Assert.Equal(100.0 / 3, found.StandardError!.Value, 1e-9); // {0, 1, 0}: deviation 1/sqrt(3), over sqrt(3)
        Assert.Equal(0.0, summary.Results[1].Value);
        Assert.Equal([100.0 / 6, 0], summary.Averages.Select(average => average.Value), (a, b) => Math.Abs(a - b) < 1e-9);
        Assert.Equal(600, summary.EffectiveLength);
        Assert.Null((summary with { Options = s_options }).EffectiveLength);
        IReadOnlyList<EvaluationRecord> records = summary.ToRecords("m");
        Assert.Equal(["ruler_niah_single_2", "ruler_vt", "ruler_niah_single_2", "ruler_vt", "ruler", "ruler", "ruler"],
            records.Select(record => record.Task));
        Assert.Equal(("effective_length", 600.0, 2L), (records[^1].Metric, records[^1].Value, records[^1].Count!.Value));
        Assert.Equal("niah_single_2,vt", string.Join(',', records[^1].Settings!["tasks_run"]!.AsArray().Select(name => (string)name!)));
    }

    [Fact]
    public void The_effective_length_is_the_longest_whose_average_exceeds_the_threshold()
    {
        RulerResult Result(int length, params double[] scores) =>
            new(Task("vt"), length, [.. scores.Select((score, i) => new RulerTrial("vt", length, i, 1, null, ["A"], "", score))]);
        var summary =
            new RulerSummary([Result(1024, 1, 1), Result(4096, 0.9, 0.9), Result(2048, 0.5, 0.5), Result(8192, 0.856, 0.856)],
                new RulerOptions { Lengths = [1024] });
        Assert.Equal([1024, 2048, 4096, 8192], summary.Averages.Select(average => average.Length));
        Assert.Equal(4096, summary.EffectiveLength); // 85.6 itself does not exceed it
    }

    [Fact]
    public void The_average_weighs_tasks_alike_whatever_their_number_of_samples()
    {
        RulerResult Result(string task, params double[] scores) =>
            new(Task(task), 1024, [.. scores.Select((score, i) => new RulerTrial(task, 1024, i, 1, null, ["A"], "", score))]);
        var summary = new RulerSummary([Result("vt", 1), Result("niah_single_2", 0, 0, 0.6)], new RulerOptions { Lengths = [1024] });
        RulerAverage average = summary.Averages.Single();
        Assert.Equal((100 + 20) / 2.0, average.Value, 1e-9); // over the samples it would be 40
        Assert.Equal(2, average.Tasks);
        Assert.Null(average.Samples);
    }

    [Fact]
    public void An_answer_ends_at_any_of_the_end_tokens()
    {
        using CausalLM model = TinyModel.Create();
        string[] Answers(int[] ends) =>
        [
            .. RulerEvaluator.Evaluate(model, new WordTokenizer(20, true) { EndIds = ends }, s_material, s_options).Results
                .SelectMany(result => result.Trials).Select(trial => trial.Answer),
        ];
        string[] free = Answers([]);
        int[] ends = WordTokenizer.TwoOf(free);
        string[] expected = [.. free.Select(answer => WordTokenizer.UpTo(answer, ends))];
        Assert.NotEqual(free, expected);
        Assert.Equal(expected, Answers(ends));
    }

    [Fact]
    public void Tasks_whose_files_are_missing_are_left_out_of_all_and_refused_by_name()
    {
        var all = new RulerOptions { Lengths = [4096] };
        Assert.Equal(11, all.SelectedTasks(s_material).Count);
        Assert.Equal(2, all.UnavailableTasks(s_material).Count);
        Assert.Contains("RulerData.Squad", all.UnavailableTasks(s_material)[0]);
        Assert.Contains("RulerData.Hotpot",
            Assert.Throws<SkipwiseException>(() => (all with { Tasks = ["qa_2"] }).SelectedTasks(s_material)).Message);
        Assert.Contains("no task \"niah\"", Assert.Throws<SkipwiseException>(() => (all with { Tasks = ["niah"] }).Validate()).Message);
        Assert.Contains("RulerOptions.Threshold is 856",
            Assert.Throws<SkipwiseException>(() => (all with { Threshold = 856 }).Validate()).Message);
    }
}
