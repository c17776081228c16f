using System.Text.Json;
using Skipwise.Distributed;
using Skipwise.Evaluation;
using Skipwise.Evaluation.Needles;
using Skipwise.Evaluation.Passkey;
using Skipwise.Evaluation.Perplexity;
using Skipwise.Evaluation.Results;
using Skipwise.Evaluation.Ruler;
using Skipwise.Evaluation.Tasks;
using Skipwise.Models;
using Skipwise.Rope;
using Skipwise.Runs;
using Skipwise.Tests.Evaluation;
using Skipwise.Tests.Evaluation.Tasks;
using Skipwise.TokenStores;

namespace Skipwise.Tests.Distributed;

/// <summary>What several ranks evaluate together is what one evaluates alone, digit by digit. Ranks are threads here.</summary>
public sealed class SpreadEvaluationTests : IDisposable
{
    private static readonly WordTokenizer s_tokenizer = new(20, addsBos: true);
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    public static TheoryData<int, int?> RanksAndBatches =>
        new() { { 2, null }, { 3, null }, { 4, null }, { 2, 1 }, { 3, 1 }, { 4, 1 }, { 3, 2 } };

    /// <summary>Wide enough for matrix products that round differently if their number of rows does.</summary>
    private static CausalLM Model(RopeType rope = RopeType.Default) => TinyModel.Create(initializerRange: 0.3,
        rope: rope == RopeType.Default ? null : TinyModel.Rope(rope, 128),
        change: config => config with { HiddenSize = 96, IntermediateSize = 160, HeadDim = rope == RopeType.LongRope ? 8 : 24 });

    /// <summary>Evaluates alone, then with every number of ranks, each of which has a model of its own.</summary>
    private static void RequireSame<T>(int ranks, Func<CausalLM, ICollective?, T> evaluate, Func<T, object> numbers,
        RopeType rope = RopeType.Default)
    {
        string Text(ICollective? collective)
        {
            using CausalLM model = Model(rope);
            return JsonSerializer.Serialize(numbers(evaluate(model, collective)));
        }
        string alone = Text(null);
        Assert.Contains(".", alone, StringComparison.Ordinal);
        Assert.All(ThreadRanks.Run(ranks, collective => Text(collective)), together => Assert.Equal(alone, together));
    }

    [Theory]
    [MemberData(nameof(RanksAndBatches))]
    public void Perplexity(int ranks, int? batchSize)
    {
        foreach (WindowMode mode in Enum.GetValues<WindowMode>())
        {
            var options = new PerplexityOptions
            {
                Windows = [40, 100],
                Mode = mode,
                Stride = 30,
                ScoredTokens = 12,
                PositionBins = 4,
                BatchSize = batchSize,
            };
            var documents = new TokenList([.. Enumerable.Range(0, 7).Select(i => TinyModel.Tokens((ulong)i, 60 + (37 * i)))]);
            RequireSame(ranks, (model, all) => PerplexityEvaluator.Evaluate(model, documents, 1, options, ranks: all), results => results);
        }
    }

    /// <summary>Prompts of 700 tokens are prefilled one by one, the others together; of both, a part is shared.</summary>
    [Theory]
    [MemberData(nameof(RanksAndBatches))]
    public void Passkey(int ranks, int? batchSize)
    {
        var options = new PasskeyOptions { Lengths = [150, 700], Trials = 9, Seed = 2, MaxNewTokens = 4, BatchSize = batchSize };
        RequireSame(ranks, (model, all) => PasskeyEvaluator.Evaluate(model, s_tokenizer, options, ranks: all),
            results =>
                (object[])[results.SelectMany(result => result.Trials), .. results.SelectMany(result => result.ToRecords("m", options))]);
    }

    [Theory]
    [MemberData(nameof(RanksAndBatches))]
    public void Needles(int ranks, int? batchSize) => SameNeedles(ranks, batchSize, RopeType.Default);

    [Theory]
    [InlineData(RopeType.DynamicNtk), InlineData(RopeType.LongRope)]
    public void Needles_with_a_rotation_that_depends_on_the_length(RopeType rope) => SameNeedles(3, 2, rope);

    private static void SameNeedles(int ranks, int? batchSize, RopeType rope)
    {
        var options = new NeedleOptions
        {
            Lengths = [200, 640],
            Depths = 3,
            Trials = 3,
            Distractors = [Needle.Distractors[0]],
            BatchSize = batchSize,
        };
        var haystack = new Haystack(s_tokenizer, [Haystack.OwnProse(3000)], 640);
        RequireSame(ranks, (model, all) => NeedleEvaluator.Evaluate(model, s_tokenizer, haystack, options, ranks: all),
            results => results.SelectMany(result => result.Trials), rope);
    }

    [Theory]
    [MemberData(nameof(RanksAndBatches))]
    public void Ruler(int ranks, int? batchSize)
    {
        var material = new RulerData(new Essays(Haystack.OwnProse(3000)));
        var options = new RulerOptions { Tasks = ["niah_single_2", "vt"], Lengths = [600, 700], Samples = 3, BatchSize = batchSize };
        RequireSame(ranks, (model, all) => RulerEvaluator.Evaluate(model, s_tokenizer, material, options, ranks: all),
            summary => (object[])[summary.Results.SelectMany(result => result.Trials), summary.ToRecords("m"), 0.5]);
    }

    [Theory]
    [MemberData(nameof(RanksAndBatches))]
    public void Tasks(int ranks, int? batchSize)
    {
        WriteTasks();
        RequireSame(ranks, (model, all) => Suite(model, batchSize).Evaluate(model, ranks: all), results => results);
    }

    [Theory]
    [InlineData(2), InlineData(3)]
    public void During_training(int ranks)
    {
        _folder.Write("text.txt", Haystack.OwnProse(3000));
        var options = new TrainingEvaluationOptions
        {
            EverySteps = 1,
            Data = new() { Paths = [_folder["text.txt"]] },
            Windows = [32, 64],
            PasskeyLengths = [150],
            PasskeyTrials = 5,
        };
        RequireSame(ranks, (model, all) =>
        {
            TrainingEvaluation evaluation = TrainingEvaluation.Create(options, model.Config, s_tokenizer, null, default)!;
            return all is null ? evaluation.Evaluate(model, 1, default) : evaluation.Evaluate(model, 1, all, default);
        }, points => points);
    }

    /// <summary>All numbers of an evaluation that continues, and the file, which only rank 0 has.</summary>
    [Theory]
    [InlineData(2), InlineData(4)]
    public void An_interrupted_run_continues(int ranks)
    {
        WriteTasks();
        var options = new PasskeyOptions { Lengths = [150], Trials = 9, Seed = 2, MaxNewTokens = 4, BatchSize = 2 };
        string[] Run(ICollective all, string passkey, string tasks)
        {
            using CausalLM model = Model();
            using TrialFile<PasskeyTrial>? file = all.Rank == 0 ? new(passkey, 1) : null;
            using TrialFile<RequestScore>? scores = all.Rank == 0 ? new(tasks, 1) : null;
            var seen = new List<EvaluationProgress>();
            IReadOnlyList<PasskeyResult> results = PasskeyEvaluator.Evaluate(model, s_tokenizer, options, file: file, ranks: all,
                progress: new SynchronousProgress<EvaluationProgress>(seen.Add));
            Assert.Equal((9, seen[^1].Total), (seen.Count, seen[^1].Done));
            return
            [
                JsonSerializer.Serialize(results.SelectMany(result => result.Trials).Select(trial => trial with { CacheKey = null })),
                JsonSerializer.Serialize(Suite(model, 3).Evaluate(model, scores, ranks: all)),
            ];
        }
        string whole = _folder["whole"], scored = _folder["scored"];
        Run(SingleProcess.Instance, whole, scored);
        string[] Cut(string path, int lines, string name)
        {
            File.WriteAllLines(_folder[name], File.ReadAllLines(path).Take(lines));
            File.Copy(_folder[name], _folder[name + "-ranks"]);
            return [_folder[name], _folder[name + "-ranks"]];
        }
        string[] passkeys = Cut(whole, 4, "passkeys"), requests = Cut(scored, 20, "requests");
        string[] alone = Run(SingleProcess.Instance, passkeys[0], requests[0]);
        Assert.All(ThreadRanks.Run(ranks, all => Run(all, passkeys[1], requests[1])), together => Assert.Equal(alone, together));
        Assert.Equal(File.ReadAllLines(passkeys[0]).Order(), File.ReadAllLines(passkeys[1]).Order());
        Assert.Equal(File.ReadAllLines(requests[0]).Order(), File.ReadAllLines(requests[1]).Order());
        Assert.Equal(9, File.ReadAllLines(passkeys[1]).Length);
    }

    [Fact]
    public void Ranks_with_other_text_are_told_apart()
    {
        InvalidOperationException error = Assert.Throws<InvalidOperationException>(() => ThreadRanks.Run(3, all =>
        {
            using CausalLM model = Model();
            var documents = new TokenList([TinyModel.Tokens(all.Rank == 2 ? 5UL : 4, 90)]);
            return PerplexityEvaluator.Evaluate(model, documents, 1, new PerplexityOptions { Windows = [40] }, ranks: all);
        }));
        Assert.Contains("the windows differ from those of rank 0", error.Message, StringComparison.Ordinal);
    }

    private void WriteTasks()
    {
        static string Words(ulong seed, int count) => string.Join(' ', TinyModel.Tokens(seed, count, 40).Select(id => $"w{id}"));
        static string Question(int i, ulong seed) =>
            $$"""{"goal": "{{Words(seed % 3, 20)}} {{Words(seed, 5 + (i % 9))}}", "sol1": "{{Words(seed + 100, 1 + (i % 5))}}", """ +
            $$""" "sol2": "{{Words(seed + 200, 1 + (i % 7))}}", "label": {{i % 2}}}""";
        _folder.Write("piqa_validation.jsonl", string.Join('\n', Enumerable.Range(0, 30).Select(i => Question(i, (ulong)i))));
        _folder.Write("lambada_test.jsonl",
            string.Join('\n', Enumerable.Range(0, 10).Select(i => $$"""{"text": "{{Words((ulong)i + 300, 9)}}"}""")));
    }

    private TaskSuite Suite(CausalLM model, int? batchSize) => TaskSuite.Prepare(_folder.Path, ["piqa", "lambada"],
        new ListTokenizer([.. Enumerable.Range(0, 40).Select(i => $"w{i}"), ":", "?", "."]), model.Config,
        new() { BatchSize = batchSize, BootstrapIters = 100 });
}
