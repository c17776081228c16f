using Skipwise.Evaluation;
using Skipwise.Evaluation.Results;
using Skipwise.Evaluation.Tasks;
using Skipwise.Models;
using Skipwise.Storage;

namespace Skipwise.Tests.Evaluation.Tasks;

public sealed class TaskSuiteTests : IDisposable
{
    private static readonly ListTokenizer s_words = new([.. Enumerable.Range(0, 40).Select(i => $"w{i}"), ":", "?", "."]);

    private readonly TempFolder _folder = new();
    private readonly CausalLM _model = TinyModel.Create();

    public TaskSuiteTests()
    {
        static string Words(ulong seed, int count) => string.Join(' ', TinyModel.Tokens(seed, count, 40).Select(id => $"w{id}"));
        _folder.Write("piqa_validation.jsonl", string.Join('\n', Enumerable.Range(0, 30).Select(i =>
            $$"""{"goal": "{{Words((ulong)i, 5 + i % 9)}}", "sol1": "{{Words((ulong)i + 100, 1 + i % 5)}}", "sol2": "{{Words((ulong)i + 200, 1 + i % 7)}}", "label": {{i % 2}}}""")));
        _folder.Write("lambada_test.jsonl",
            string.Join('\n', Enumerable.Range(0, 10).Select(i => $$"""{"text": "{{Words((ulong)i + 300, 9)}}"}""")));
    }

    public void Dispose()
    {
        _model.Dispose();
        _folder.Dispose();
    }

    private IReadOnlyList<TaskResult> Measure(TaskOptions options, string? cache = null, IProgress<EvaluationProgress>? progress = null,
        CancellationToken stop = default)
    {
        using TrialFile<RequestScore>? file = cache is null ? null : new(cache, model: 1);
        return TaskSuite.Prepare(_folder.Path, ["piqa", "lambada"], s_words, _model.Config, options, stop)
            .Evaluate(_model, file, progress, cancel: stop);
    }

    [Theory]
    [InlineData(0), InlineData(3)]
    public void One_at_a_time_and_sixteen_together_agree(int shots)
    {
        IReadOnlyList<TaskResult> one = Measure(new() { BatchSize = 1, BootstrapIters = 500, NumFewshot = shots }),
            sixteen = Measure(new() { BatchSize = 16, BootstrapIters = 500, NumFewshot = shots });
        Assert.Equal(["acc", "acc_norm", "perplexity", "acc"], one.Select(result => result.Metric));
        Assert.All(one.Zip(sixteen),
            pair => Assert.Equal(pair.First.Value, pair.Second.Value, 1e-4 * Math.Max(1, Math.Abs(pair.First.Value))));
    }

    /// <summary>Samples too: lists are not compared by what they hold.</summary>
    private static IEnumerable<(TaskResult, string)> Whole(IReadOnlyList<TaskResult> results) =>
        results.Select(result => (result with { Samples = null }, string.Join(' ', result.Samples!)));

    [Fact]
    public void A_run_that_was_stopped_continues_and_computes_only_the_rest()
    {
        var options = new TaskOptions { BatchSize = 4, BootstrapIters = 500 };
        IReadOnlyList<TaskResult> whole = Measure(options);
        string cache = _folder["scores.jsonl"];
        using var stop = new CancellationTokenSource();
        int seenBefore = 0;
        var stopper = new SynchronousProgress<EvaluationProgress>(_ => { if (++seenBefore == 12) { stop.Cancel(); } });
        Assert.Throws<OperationCanceledException>(() => Measure(options, cache, stopper, stop.Token));
        int done = File.ReadAllLines(cache).Length;
        Assert.InRange(done, 8, 40);

        var seen = new List<EvaluationProgress>();
        Assert.Equal(Whole(whole), Whole(Measure(options, cache, new SynchronousProgress<EvaluationProgress>(seen.Add))));
        Assert.Equal(70, File.ReadAllLines(cache).Length);
        Assert.True(seen[0].Total < Totals(options)[0], "the scores that were there are not computed again");
        seen.Clear();
        Assert.Equal(Whole(whole), Whole(Measure(options, cache, new SynchronousProgress<EvaluationProgress>(seen.Add))));
        Assert.Empty(seen);
    }

    /// <summary>Where an answer begins is a part of what is asked, for the same tokens as a whole.</summary>
    [Fact]
    public void The_same_tokens_are_scored_anew_where_the_answer_is_longer()
    {
        _folder.Write("piqa_validation.jsonl", """
            {"goal": "w1\nAnswer: w2", "sol1": "w3", "sol2": "w4", "label": 0}
            {"goal": "w1", "sol1": "w2\nAnswer: w3", "sol2": "w2\nAnswer: w4", "label": 0}
            """);
        string cache = _folder["scores.jsonl"];
        using var file = new TrialFile<RequestScore>(cache, model: 1);
        TaskSuite.Prepare(_folder.Path, ["piqa"], s_words, _model.Config, new() { BootstrapIters = 500 }).Evaluate(_model, file);
        file.Dispose();
        double[] scores = [.. JsonLines.Read<RequestScore>(cache).Select(score => score.LogLikelihood)];
        Assert.Equal(4, scores.Distinct().Count());
    }

    [Fact]
    public void Progress_rises_to_the_total()
    {
        var seen = new List<EvaluationProgress>();
        Measure(new() { BatchSize = 4, BootstrapIters = 500 }, progress: new SynchronousProgress<EvaluationProgress>(seen.Add));
        Assert.Single(seen.Select(progress => progress.Total).Distinct());
        Assert.All(seen.Zip(seen.Skip(1)), pair => Assert.True(pair.First.Done < pair.Second.Done));
        Assert.Equal(["piqa", "lambada"], seen.Select(progress => progress.Task).Distinct());
        Assert.Equal(seen[^1].Total, seen[^1].Done);
    }

    [Fact]
    public void Impossible_settings_are_all_named()
    {
        string message =
            Assert.Throws<SkipwiseException>(() =>
                Measure(new() { NumFewshot = -1, Limit = 0, MaxLength = 0, BatchSize = 0, BootstrapIters = 1 })).Message;
        Assert.All((string[])["NumFewshot is -1", "Limit is 0", "MaxLength is 0", "TaskOptions.BatchSize is 0", "BootstrapIters is 1"],
            hint => Assert.Contains(hint, message, StringComparison.Ordinal));
        Assert.Contains("leaves none", Assert.Throws<SkipwiseException>(() => Measure(new() { Limit = 0.01 })).Message,
            StringComparison.Ordinal);
        Assert.Contains("Unknown task 'nope'",
            Assert.Throws<SkipwiseException>(() => TaskSuite.Prepare(_folder.Path, ["nope"], s_words, _model.Config, new())).Message,
            StringComparison.Ordinal);
        Assert.Contains("takes no others",
            Assert.Throws<SkipwiseException>(() =>
                TaskSuite.Prepare(_folder.Path, ["truthfulqa"], s_words, _model.Config, new() { NumFewshot = 5 })).Message,
                StringComparison.Ordinal);
    }

    private List<long> Totals(TaskOptions options)
    {
        var totals = new List<long>();
        Measure(options, progress: new SynchronousProgress<EvaluationProgress>(progress => totals.Add(progress.Total)));
        return totals;
    }
}
