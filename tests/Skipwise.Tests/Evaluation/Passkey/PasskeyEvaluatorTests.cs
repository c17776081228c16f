using System.Globalization;
using Skipwise.Evaluation.Passkey;
using Skipwise.Evaluation.Results;
using Skipwise.Inference;
using Skipwise.Models;
using Skipwise.Tests.Evaluation.Perplexity;

namespace Skipwise.Tests.Evaluation.Passkey;

public sealed class PasskeyEvaluatorTests
{
    private static readonly PasskeyOptions s_options = new() { Lengths = [150, 220], Trials = 12, Seed = 2, MaxNewTokens = 4 };

    [Fact]
    public void Batches_of_1_and_of_16_give_the_answers_of_single_prompts()
    {
        using CausalLM model = TinyModel.Create();
        var tokenizer = new WordTokenizer(20, addsBos: true);
        IReadOnlyList<PasskeyPrompt> prompts = PasskeyPrompt.All(tokenizer, s_options);
        Assert.True(prompts.Select(prompt => prompt.InputIds.Length).Distinct().Count() > 2); // prompts of one length differ by a digit
        string[] single =
            [.. prompts.Select(prompt => tokenizer.Decode(TextGenerator.Generate(model, prompt.InputIds, new() { MaxNewTokens = 4 })))];
        foreach (int? batch in (int?[])[1, 16, null])
        {
            IReadOnlyList<PasskeyResult> results = PasskeyEvaluator.Evaluate(model, tokenizer, s_options with { BatchSize = batch });
            Assert.Equal([150, 220], results.Select(result => result.Length));
            Assert.Equal(single, results.SelectMany(result => result.Trials).Select(trial => trial.Answer));
            Assert.Equal(prompts.Select(prompt => prompt.Text), results.SelectMany(result => result.Trials).Select(trial => trial.Prompt));
        }
    }

    [Fact]
    public void A_trial_is_correct_when_the_answer_s_first_number_is_its_key()
    {
        using CausalLM model = TinyModel.Create();
        var tokenizer = new WordTokenizer(20, addsBos: true);
        IReadOnlyList<PasskeyPrompt> prompts = PasskeyPrompt.All(tokenizer, s_options with { Lengths = [150] });
        int key = prompts[3].Key;
        var seen = new List<PasskeyTrial>();
        var reports = new PerplexityEvaluatorTests.Reports();
        PasskeyResult result =
            PasskeyEvaluator.Evaluate(model, new WordTokenizer(20, true, decoded: $" {key}. 1"), prompts, s_options, seen.Add, reports)
            .Single();
        Assert.Equal([3], result.Trials.Where(trial => trial.Correct).Select(trial => trial.Trial));
        Assert.Equal((1, 12, 1 / 12.0), (result.Correct, result.Count, result.Accuracy));
        Assert.Equal(12, seen.Count);
        Assert.Equal(reports.All[^1].Total, reports.All[^1].Done);
        Assert.Equal(prompts.Sum(prompt => prompt.InputIds.Length), reports.All[^1].Total);
    }

    [Theory]
    [InlineData("{0}", true), InlineData("{0}6", false), InlineData("6{0}", false), InlineData("{1}", false)]
    [InlineData("the {0}, or 6", true), InlineData("6 or {0}", false)]
    public void An_answer_matches_whole(string answer, bool correct)
    {
        using CausalLM model = TinyModel.Create();
        IReadOnlyList<PasskeyPrompt> prompts = PasskeyPrompt.All(new WordTokenizer(20, addsBos: true), s_options);
        PasskeyPrompt prompt = prompts.First(prompt => prompt.Key >= 10_000); // as long as keys are
        string decoded = string.Format(CultureInfo.InvariantCulture, answer, prompt.Key, prompt.Key / 10);
        PasskeyResult result = PasskeyEvaluator.Evaluate(model, new WordTokenizer(20, true, decoded), [prompt], s_options).Single();
        Assert.Equal(correct, result.Trials.Single().Correct);
    }

    [Fact]
    public void An_answer_ends_at_any_of_the_end_tokens()
    {
        using CausalLM model = TinyModel.Create();
        PasskeyOptions twelve = s_options with { MaxNewTokens = 12 };
        string[] Answers(int[] ends) =>
        [
            .. PasskeyEvaluator.Evaluate(model, new WordTokenizer(20, true) { EndIds = ends }, twelve)
                .SelectMany(result => result.Trials).Select(trial => trial.Answer),
        ];
        string[] free = Answers([]);
        int[] ends = WordTokenizer.TwoOf(free);
        Assert.Equal(2, ends.Length);
        string[] expected = [.. free.Select(answer => WordTokenizer.UpTo(answer, ends))];
        Assert.NotEqual(free, expected);
        Assert.Equal(expected, Answers(ends));
    }

    [Fact]
    public void A_grid_has_a_record_per_cell_beside_the_length_s_own()
    {
        PasskeyTrial Trial(double depth, bool correct) => new(100, 0, depth, 1, 90, "", "", correct);
        var result = new PasskeyResult(100, [Trial(0, true), Trial(0, false), Trial(1, true), Trial(1, true)]);
        EvaluationRecord[] records = [.. result.ToRecords("m", new PasskeyOptions { Lengths = [100], Grid = 2 })];
        Assert.Equal([("accuracy", 0.75), ("accuracy_at_depth", 0.5), ("accuracy_at_depth", 1.0)],
            records.Select(record => (record.Metric, record.Value)));
        Assert.Equal([0.0, 1.0], records.Skip(1).Select(record => (double)record.Settings!["depth"]!));
        // {1, 0}: sample deviation 0.7071 over the root of 2
        Assert.Equal([0.5, 0.0], records.Skip(1).Select(record => record.StandardError!.Value));
        Assert.Single(result.ToRecords("m", new PasskeyOptions { Lengths = [100] }));
    }

    [Fact]
    public void Depths_are_counted_in_bins()
    {
        PasskeyTrial Trial(double depth, bool correct) => new(100, 0, depth, 1, 90, "", "", correct);
        var result = new PasskeyResult(100, [Trial(0, true), Trial(0.24, false), Trial(0.25, true), Trial(0.99, true), Trial(1, false)]);
        IReadOnlyList<PasskeyCell> cells = result.ByDepth(bins: 4);
        Assert.Equal([(1, 2), (1, 1), (0, 0), (1, 2)], cells.Select(cell => (cell.Correct, cell.Count)));
        Assert.Equal(0.5, cells[0].Accuracy);
        Assert.Equal((0.75, 1.0), (cells[3].DepthFrom, cells[3].DepthTo));
    }

    [Fact]
    public void A_trial_is_one_line_of_json_with_its_prompt_and_answer()
    {
        var trial = new PasskeyTrial(128, 3, 0.25, 407, 118, "line\nline \"é\"", " 407.", true);
        Assert.Equal(
            """{"length":128,"trial":3,"depth":0.25,"key":407,"prompt_tokens":118,"prompt":"line\nline \"é\"","answer":" 407.","correct":true}""",
            EvaluationJson.ToJsonLine(trial));
    }
}
