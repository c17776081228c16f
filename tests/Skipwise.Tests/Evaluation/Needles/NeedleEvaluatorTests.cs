using Skipwise.Evaluation.Needles;
using Skipwise.Evaluation.Results;
using Skipwise.Models;
using Skipwise.Tests.Evaluation.Perplexity;
using Skipwise.Tests.Synthetic;
using Skipwise.Tests.Tokenizers.Training;

namespace Skipwise.Tests.Evaluation.Needles;

public sealed class NeedleEvaluatorTests : IDisposable
{
    private static readonly NaiveBytePairTokenizer s_tokenizer = LearnedVocabulary.NewTokenizer();
    private static readonly NeedleOptions s_options =
        new() { Lengths = [200, 260], Depths = 3, Trials = 2, Distractors = [Needle.Distractors[0]] };
    private readonly TempFolder _folder = new();

    [Fact]
    public void Batches_of_1_and_of_16_and_a_file_of_earlier_scores_give_the_same()
    {
        using CausalLM model = TinyModel.Create(vocabulary: s_tokenizer.VocabularySize);
        var haystack = new Haystack(s_tokenizer, [Haystack.OwnProse(2000)], 260);
        IReadOnlyList<NeedleResult> single = NeedleEvaluator.Evaluate(model, s_tokenizer, haystack, s_options with { BatchSize = 1 });
        Assert.Equal([200, 260], single.Select(result => result.Length));
        Assert.All(single, result => Assert.Equal(6, result.Count));

        using var file = new TrialFile<NeedleTrial>(_folder["needle.jsonl"], 1);
        Same(single, NeedleEvaluator.Evaluate(model, s_tokenizer, haystack, s_options with { BatchSize = 16 }, file: file));
        file.Dispose();

        using CausalLM other = TinyModel.Create(seed: 9, vocabulary: s_tokenizer.VocabularySize);
        using var again = new TrialFile<NeedleTrial>(_folder["needle.jsonl"], 1);
        var reports = new PerplexityEvaluatorTests.Reports();
        // nothing is asked: not even another model's answers appear
        Same(single, NeedleEvaluator.Evaluate(other, s_tokenizer, haystack, s_options, progress: reports, file: again));
        Assert.Equal((6 * 460, 6 * 460), (reports.All[^1].Done, reports.All[^1].Total));
    }

    [Fact]
    public void Results_are_counted_by_hand()
    {
        NeedleTrial Trial(double depth, bool[] best, double[] logProbs) => new(100, depth, 0, 0, 90, null, "", best, logProbs);
        var result =
            new NeedleResult(100,
                [Trial(0, [true, true], [-0.5, -1.5]), Trial(0, [true, false], [-1, -3]), Trial(1, [true], [-0.25]),
                    Trial(1, [true, true], [-0.5, -1])]);
        Assert.Equal((3, 4, 0.75), (result.Correct, result.Count, result.Accuracy));
        Assert.Equal((-1 - 2 - 0.25 - 0.75) / 4, result.LogProb, 1e-12);
        EvaluationRecord[] records = [.. result.ToRecords("m", new NeedleOptions { Lengths = [100] })];
        Assert.Equal([("accuracy", 0.75), ("answer_log_prob", -1.0), ("accuracy_at_depth", 0.5), ("accuracy_at_depth", 1.0)],
            records.Select(record => (record.Metric, record.Value)));
        Assert.Equal(0.25, records[0].StandardError!.Value, 1e-12); // {1, 1, 1, 0}: sample deviation .5 over 2
        Assert.Equal(Math.Sqrt((0 + 1 + 0.5625 + 0.0625) / 3) / 2, records[1].StandardError!.Value, 1e-12);
        Assert.Equal("What is the special magic Singapore number?", (string)records[0].Settings!["needles"]![0]!["question"]!);
    }

    [Fact]
    public void Needles_come_from_a_file()
    {
        File.WriteAllText(_folder["needles.jsonl"], """
            {"needle": "A.", "question": "Q?", "answer": "{n}", "lead": " It is"}

            {"needle": "B."}
            """);
        Assert.Equal([new Needle { Text = "A.", Question = "Q?", Answer = "{n}", AnswerPrefix = " It is" }, new Needle { Text = "B." }],
            NeedleFile.Read(_folder["needles.jsonl"]));
    }

    [Theory]
    [InlineData("", "no needle")]
    [InlineData("{\"needle\": \"A\"}\nnonsense", "line 2")]
    [InlineData("{\"needle\": 3}", "line 1")]
    [InlineData("{\"question\": \"Q?\", \"answer\": \"a\"}", "has no \"needle\"")]
    [InlineData("{\"needle\": \"A\", \"question\": \"Q?\"}", "\"question\" without")]
    [InlineData("{\"needle\": \"A\", \"depth\": \"0\"}", "\"depth\" is not known")]
    public void A_broken_file_of_needles_is_named(string content, string complaint)
    {
        File.WriteAllText(_folder["broken.jsonl"], content);
        Assert.Contains(complaint, Assert.Throws<SkipwiseException>(() => NeedleFile.Read(_folder["broken.jsonl"])).Message);
    }

    public void Dispose() => _folder.Dispose();

    private static void Same(IReadOnlyList<NeedleResult> expected, IReadOnlyList<NeedleResult> actual)
    {
        foreach ((NeedleTrial a, NeedleTrial b) in expected.SelectMany(r => r.Trials).Zip(actual.SelectMany(r => r.Trials)))
        {
            Assert.Equal((a.Length, a.Depth, a.Trial, a.Answer, a.PromptTokens), (b.Length, b.Depth, b.Trial, b.Answer, b.PromptTokens));
            Assert.Equal(a.IsBest, b.IsBest);
            Assert.All(a.LogProbs.Zip(b.LogProbs), pair => Assert.Equal(pair.First, pair.Second, 1e-4));
        }
    }
}
