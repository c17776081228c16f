using System.Text.Json;
using Skipwise.Evaluation;
using Skipwise.Evaluation.Perplexity;
using Skipwise.Models;
using Skipwise.Numerics;
using Skipwise.Rope;
using Skipwise.Tests.Evaluation.Scoring;
using Skipwise.TokenStores;
using TorchSharp;

namespace Skipwise.Tests.Evaluation.Perplexity;

public sealed class PerplexityEvaluatorTests
{
    private const int Bos = 1;

    [Theory]
    [InlineData("llama-none")]
    [InlineData("llama-linear8")]
    [InlineData("llama-yarn16")]
    public void Perplexities_are_those_of_the_original(string name)
    {
        using var reference = new ParityCase(name);
        using JsonDocument json = JsonDocument.Parse(File.ReadAllText(Fixture.Path(name, "ppl.json")));
        JsonElement root = json.RootElement;
        var documents =
            new TokenList(
                [.. root.GetProperty("docs").EnumerateArray().Select(doc => doc.EnumerateArray().Select(id => id.GetInt32()).ToArray())]);
        int bos = root.GetProperty("bos_token_id").GetInt32(), tokens = documents[0].Length + documents[1].Length + documents[2].Length;
        foreach (JsonElement expected in root.GetProperty("results").EnumerateArray())
        {
            bool truncate = expected.GetProperty("truncate").GetBoolean();
            var options = new PerplexityOptions
            {
                Windows = [expected.GetProperty("max_length").GetInt32()],
                Mode = truncate ? WindowMode.Truncate : WindowMode.Sliding,
                Stride = expected.GetProperty("sliding_window_step").GetInt32(),
            };
            PerplexityResult result = PerplexityEvaluator.Evaluate(reference.Model, documents, bos, options).Single();
            double reported = expected.GetProperty("mean_perplexity").GetDouble();
            Assert.InRange(result.Perplexity / reported, 1 - 1e-5, 1 + 1e-5);
            Assert.Equal(3, result.Documents);
            Assert.Equal(truncate ? 3 * (options.Windows[0] - 1) - Math.Max(0, options.Windows[0] - 1 - 33) : tokens, result.Count);
        }
    }

    [Theory]
    [InlineData(WindowMode.Sliding)]
    [InlineData(WindowMode.Truncate)]
    [InlineData(WindowMode.LastTokens)]
    public void Batches_of_1_and_of_16_agree(WindowMode mode)
    {
        using CausalLM model = TinyModel.Create();
        PerplexityOptions options = Options(mode);
        AssertSame(PerplexityEvaluator.Evaluate(model, Documents(), Bos, options with { BatchSize = 1 }),
            PerplexityEvaluator.Evaluate(model, Documents(), Bos, options with { BatchSize = 16 }));
        AssertSame(PerplexityEvaluator.Evaluate(model, Documents(), Bos, options with { BatchSize = 1 }),
            PerplexityEvaluator.Evaluate(model, Documents(), Bos, options));
    }

    [Theory]
    [InlineData(RopeType.Default)]
    [InlineData(RopeType.DynamicNtk)] // depends on the length: a shared forward would give another number
    public void Truncated_windows_together_give_what_each_gives_alone(RopeType rope)
    {
        using CausalLM model = TinyModel.Create(rope: new RopeOptions { Type = rope, Factor = 4, OriginalMaxPositionEmbeddings = 16 });
        PerplexityOptions options = Options(WindowMode.Truncate);
        IReadOnlyList<PerplexityResult> alone =
            [.. options.Windows.Select(window => PerplexityEvaluator.Evaluate(model, Documents(), Bos, options with { Windows = [window] })
                .Single())];
        AssertSame(alone, PerplexityEvaluator.Evaluate(model, Documents(), Bos, options));
    }

    [Fact]
    public void Last_tokens_are_scored_with_the_context_that_the_window_gives()
    {
        using CausalLM model = TinyModel.Create();
        int[] document = TinyModel.Tokens(3, 60);
        var options = new PerplexityOptions { Windows = [9, 30, 200], Mode = WindowMode.LastTokens, ScoredTokens = 5 };
        IReadOnlyList<PerplexityResult> results = PerplexityEvaluator.Evaluate(model, new TokenList([document]), Bos, options);
        foreach (PerplexityResult result in results)
        {
            int[] text = [Bos, .. document.TakeLast(result.Window - 1)];
            double[] losses = ScorerTests.NaiveLosses(model, text);
            Assert.Equal(losses.TakeLast(5).Average(), Math.Log(result.Perplexity), 1e-5);
            Assert.Equal((5, null), (result.Count, result.StandardError));
        }
    }

    [Theory]
    [InlineData(WindowMode.Sliding)]
    [InlineData(WindowMode.Truncate)] // one forward serves all three windows
    [InlineData(WindowMode.LastTokens)]
    public void The_loss_by_position_is_that_of_the_tokens_there(WindowMode mode)
    {
        const int Parts = 3;
        using CausalLM model = TinyModel.Create();
        PerplexityOptions options = Options(mode) with { PositionBins = Parts };
        foreach (PerplexityResult result in PerplexityEvaluator.Evaluate(model, Documents(), Bos, options))
        {
            // position -> losses of each document, window by window
            var losses = new Dictionary<int, List<(int Document, double Loss)>>();
            for (int document = 0; document < Documents().Count; document++)
            {
                int[] tokens = Documents()[document].ToArray();
                foreach (ScoringWindow window in mode switch
                {
                    WindowMode.Sliding => ScoringWindows.Sliding(tokens.Length, result.Window, Math.Min(6, result.Window - 1)),
                    WindowMode.Truncate => [ScoringWindows.Truncated(tokens.Length, result.Window)],
                    _ => [ScoringWindows.LastTokens(tokens.Length, result.Window, 5)],
                })
                {
                    double[] naive = ScorerTests.NaiveLosses(model, [Bos, .. tokens[window.Begin..window.End]]);
                    for (int position = window.Length - window.Scored; position < window.Length; position++)
                    {
                        losses.TryAdd(position, []);
                        losses[position].Add((document, naive[position - 1]));
                    }
                }
            }
            if (mode != WindowMode.LastTokens) // which scores no early position of a long window
            {
                Assert.Equal((1, result.Window - 1), (result.ByPosition[0].From, result.ByPosition[^1].To));
            }
            Assert.Equal(result.Count, result.ByPosition.Sum(part => part.Loss.Count));
            foreach (PositionLoss part in result.ByPosition)
            {
                double width = (result.Window - 1) / (double)Parts;
                Assert.InRange(part.To - part.From + 1, width - 1, width + 1);
                (int Document, double Loss)[] there =
                    [.. Enumerable.Range(part.From, part.To - part.From + 1)
                        .SelectMany(position => losses.GetValueOrDefault(position, []))];
                Assert.Equal(there.Length, part.Loss.Count);
                Assert.Equal(there.Average(x => x.Loss), part.Loss.Mean, 1e-5);
                Assert.Equal(there.Select(x => x.Document).Distinct().Count(), part.Loss.Documents);
            }
            Assert.All(result.ByPosition.Zip(result.ByPosition.Skip(1)), pair => Assert.True(pair.First.To < pair.Second.From));
            double mean = result.ByPosition.Sum(part => part.Loss.Mean * part.Loss.Count) / result.Count;
            Assert.Equal(Math.Log(result.Perplexity), mean, 1e-9);
            Assert.Equal(result.ByPosition.Count, result.PositionRecords("m", options).Count());
        }
        AssertSame(PerplexityEvaluator.Evaluate(model, Documents(), Bos, Options(mode)),
            PerplexityEvaluator.Evaluate(model, Documents(), Bos, options));
    }

    [Fact]
    public void Documents_are_chosen_and_cut_as_asked()
    {
        // min 31 tokens with BOS leaves out the first, max 41 cuts the others to 40, of which two are measured
        var documents =
            new TokenList([TinyModel.Tokens(1, 29), TinyModel.Tokens(2, 30), TinyModel.Tokens(3, 100), TinyModel.Tokens(4, 100)]);
        var options = new PerplexityOptions { Windows = [16], MinTokens = 31, MaxTokens = 41, MaxDocuments = 2 };
        using CausalLM model = TinyModel.Create();
        PerplexityResult result = PerplexityEvaluator.Evaluate(model, documents, Bos, options).Single();
        Assert.Equal((2, 70), (result.Documents, result.Count));
    }

    [Fact]
    public void The_standard_error_is_that_of_resampled_documents()
    {
        var rng = new KeyedRandom(11);
        var documents = new (double Loss, long Tokens)[60];
        for (int i = 0; i < documents.Length; i++)
        {
            long tokens = rng.Between(50, 500);
            documents[i] = (tokens * (2 + 0.6 * (rng.NextDouble() + rng.NextDouble() - 1)), tokens);
        }
        PerplexityResult result = PerplexityResult.FromDocuments(32, documents);
        var resampled = new double[4000];
        for (int i = 0; i < resampled.Length; i++)
        {
            resampled[i] = PerplexityResult.FromDocuments(32, [.. documents.Select(_ => rng.Pick(documents))]).Perplexity;
        }
        double mean = resampled.Average(), bootstrap = Math.Sqrt(resampled.Average(value => (value - mean) * (value - mean)));
        Assert.InRange(result.StandardError!.Value / bootstrap, 0.93, 1.07);
        Assert.Equal(Math.Exp(documents.Sum(d => d.Loss) / documents.Sum(d => d.Tokens)), result.Perplexity, 1e-12);
    }

    [Fact]
    public void The_standard_error_of_equally_long_documents_is_the_plain_one()
    {
        // losses per token 1, 2, 4 over 10 tokens each: standard deviation sqrt(7/3), so se = sqrt(7/3) / sqrt(3) times exp(7/3)
        PerplexityResult result = PerplexityResult.FromDocuments(8, [(10, 10), (20, 10), (40, 10)]);
        Assert.Equal(Math.Exp(7 / 3.0) * Math.Sqrt(7 / 3.0 / 3), result.StandardError!.Value, 1e-10);
    }

    [Fact]
    public void Progress_ends_at_the_total_and_a_cancelled_measurement_stops()
    {
        using CausalLM model = TinyModel.Create();
        var reports = new Reports();
        PerplexityEvaluator.Evaluate(model, Documents(), Bos, Options(WindowMode.Sliding), reports);
        Assert.Equal(reports.All[^1].Total, reports.All[^1].Done);
        Assert.Equal(reports.All.Select(report => report.Done).Order(), reports.All.Select(report => report.Done));
        Assert.ThrowsAny<OperationCanceledException>(() =>
            PerplexityEvaluator.Evaluate(model, Documents(), Bos, Options(WindowMode.Sliding),
                cancel: new CancellationToken(canceled: true)));
    }

    [Fact]
    public void What_cannot_be_measured_is_one_error_with_every_reason()
    {
        using CausalLM model = TinyModel.Create();
        string settings =
            Assert.Throws<SkipwiseException>(() =>
                PerplexityEvaluator.Evaluate(model, Documents(), Bos,
                    new() { Windows = [1, 4], Mode = WindowMode.LastTokens, ScoredTokens = 6, Stride = 0, PositionBins = 4 })).Message;
        Assert.All((string[])["PerplexityOptions.Windows has 1", "window 4", "Stride is 0", "PositionBins is 4"],
            part => Assert.Contains(part, settings));
        string none =
            Assert.Throws<SkipwiseException>(() =>
                PerplexityEvaluator.Evaluate(model, Documents(), Bos, new() { Windows = [8], MinTokens = 5000 })).Message;
        Assert.Contains("4999", none);
    }

    [Fact]
    public void Measuring_leaves_no_tensors_behind()
    {
        using CausalLM model = TinyModel.Create();
        long Live()
        {
            PerplexityEvaluator.Evaluate(model, Documents(), Bos, Options(WindowMode.Sliding));
            return DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        }
        Live();
        Assert.Equal(Live(), Live());
    }

    internal sealed class Reports : IProgress<EvaluationProgress>
    {
        public List<EvaluationProgress> All { get; } = [];
        public void Report(EvaluationProgress value) => All.Add(value);
    }

    private static TokenList Documents() => new([.. Enumerable.Range(0, 7).Select(i => TinyModel.Tokens((ulong)i, 20 + 13 * i))]);

    private static PerplexityOptions Options(WindowMode mode) => new() { Windows = [8, 32, 48], Stride = 6, ScoredTokens = 5, Mode = mode };

    private static void AssertSame(IReadOnlyList<PerplexityResult> expected, IReadOnlyList<PerplexityResult> actual)
    {
        Assert.Equal(expected.Count, actual.Count);
        foreach ((PerplexityResult one, PerplexityResult other) in expected.Zip(actual))
        {
            Assert.Equal((one.Window, one.Count, one.Documents), (other.Window, other.Count, other.Documents));
            Assert.InRange(other.Perplexity / one.Perplexity, 1 - 1e-6, 1 + 1e-6);
            Assert.InRange(other.StandardError!.Value / one.StandardError!.Value, 1 - 1e-5, 1 + 1e-5);
        }
    }
}
