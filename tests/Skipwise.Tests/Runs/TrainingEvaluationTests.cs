using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Data;
using Skipwise.Evaluation.Perplexity;
using Skipwise.Models;
using Skipwise.Recipes;
using Skipwise.Runs;
using Skipwise.Storage;
using Skipwise.Tests.Cli;
using Skipwise.Tokenizers;
using Skipwise.TokenStores;
using Skipwise.Training;
using Tensorboard;

namespace Skipwise.Tests.Runs;

/// <summary>What a run measures on its way, the model it keeps, and when it ends early.</summary>
public sealed class TrainingEvaluationTests(SmallModel model) : IClassFixture<SmallModel>
{
    private static readonly string[] s_perplexity = ["--eval-windows", "64", "--eval-documents", "1"];

    [Fact]
    public async Task A_run_measures_every_so_many_steps_and_at_its_end_and_keeps_the_best_model()
    {
        string folder = model.Path("measured");
        CliRun run =
            (await Train(folder, "--steps", "5", "--learning-rate", "1e-2", "--eval-every", "2", "--eval-data", model.Text,
                "--eval-windows", "64,128", "--eval-documents", "2",
            "--eval-passkey-lengths", "128", "--eval-passkey-trials", "2", "--tensorboard")).Succeeded();
        IReadOnlyList<EvaluationPoint> points = JsonLines.Read<EvaluationPoint>(Path.Combine(folder, "evaluations.jsonl"));
        Assert.Equal([2, 4, 5], points.Select(point => point.Step).Distinct());
        Assert.Equal(["perplexity 64", "perplexity 128", "passkey 128"], points.Take(3).Select(point => $"{point.Task} {point.Length}"));

        EvaluationPoint best = points.Where(point => point is { Task: "perplexity", Length: 128 }).MinBy(point => point.Value)!;
        Assert.Contains($"the best checkpoint is the one after step {best.Step}: {Path.Combine(folder, "best")}", run.Error);
        // measured again from its folder, the best model is the one that the log tells of
        PerplexityMeasurement again = EvaluatePerplexity.Run(new EvaluatePerplexityOptions
        {
            Model = Path.Combine(folder, "best"),
            Data = new DataOptions { Paths = [model.Text] },
            Perplexity = new PerplexityOptions { Windows = [64, 128], MaxDocuments = 2 },
        });
        Assert.Equal(best.Value, again.Results[1].Perplexity, 1e-4 * best.Value);

        Event[] events = [.. Events(folder)];
        Assert.All((string[])["loss", "learning_rate", "gradient_norm", "tokens_per_second"],
            tag => Assert.Equal(5, events.Count(e => e.Summary?.Value.Any(v => v.Tag == $"train/{tag}" && v.SimpleValue > 0) == true)));
        Assert.Equal(points.Where(p => p.Task == "passkey").Select(p => (p.Step, (float)p.Value)),
            events.Where(e => e.Summary?.Value.Any(v => v.Tag == "passkey/accuracy at 128") == true)
            .Select(e => ((int)e.Step, e.Summary.Value[0].SimpleValue)));
    }

    /// <summary>A run that is killed between the two measures again. A log that tells of a model that is not there stays wrong.</summary>
    [Fact]
    public async Task The_best_model_is_saved_before_the_log_tells_of_it()
    {
        string folder = model.Path("told"), log = Path.Combine(folder, "evaluations.jsonl");
        var told = new List<long>();
        FileSystem.Before.Value = (step, at) =>
        {
            if (step == "create" && Path.GetFileName(at).StartsWith("best.", StringComparison.Ordinal))
            {
                told.Add(new FileInfo(log).Length);
            }
        };
        (await Train(folder, [.. s_perplexity, "--steps", "1", "--eval-every", "1", "--eval-data", model.Text])).Succeeded();
        FileSystem.Before.Value = null;
        Assert.Equal([0L], told);
        Assert.Single(JsonLines.Read<EvaluationPoint>(log));
    }

    /// <summary>All windows are evaluated on the same documents: those that fill the longest.</summary>
    [Fact]
    public async Task A_text_shorter_than_the_longest_window_is_no_text_to_evaluate_on()
    {
        string brief = model.Path("brief.txt"), folder = model.Path("brief");
        await File.WriteAllTextAsync(brief, string.Concat(Enumerable.Repeat("one two three ", 12)));
        string[] evaluation = ["--steps", "1", "--eval-every", "1", "--eval-data", brief, "--eval-documents", "1", "--eval-windows"];
        (await Train(folder, [.. evaluation, "8,16"])).Succeeded();
        (await Train(folder + "-long", [.. evaluation, "8,4096"])).Complained("No document can be evaluated");
    }

    [Fact]
    public async Task A_run_that_was_stopped_after_its_last_step_is_measured_when_it_is_resumed()
    {
        string folder = model.Path("stopped-at-the-end"), tokens = model.Path("stopped.tokens");
        (await CliRun.Of("prepare", "--model", model.Folder, "--data", model.Text, "--out", tokens)).Succeeded();
        string[] settings = ["--steps", "1", "--eval-every", "5", "--eval-passkey-lengths", "128", "--eval-passkey-trials", "1"];
        Assert.Equal(130, (await CliRun.StoppedAfterItsFirstStep(Words(folder, tokens, settings))).Code); // while it measured
        Assert.Empty(JsonLines.Read<EvaluationPoint>(Path.Combine(folder, "evaluations.jsonl")));
        (await CliRun.Of([.. Words(folder, tokens, settings), "--resume"])).Succeeded();
        Assert.Equal([1], JsonLines.Read<EvaluationPoint>(Path.Combine(folder, "evaluations.jsonl")).Select(point => point.Step));
    }

    /// <summary>The same tokens in other documents have another perplexity: a run is not continued with them.</summary>
    [Fact]
    public void Where_documents_end_is_a_part_of_what_the_text_is()
    {
        ITokenizer tokenizer = TokenizerLoader.Load(model.Folder);
        DecoderConfig config = HfConfig.ForModel(model.Folder).Model;
        string? Hash(string name, params int[] lengths)
        {
            using (var writer = new TokenStoreWriter(model.Path(name), tokenizer.VocabularySize, TokenizerFingerprint.Compute(tokenizer)))
            {
                int next = 0;
                foreach (int length in lengths)
                {
                    writer.Append([.. Enumerable.Range(next, length).Select(token => token % 50)]);
                    next += length;
                }
                writer.Complete();
            }
            var data = new DataOptions { Paths = [model.Path(name)] };
            var options = new TrainingEvaluationOptions { EverySteps = 1, Data = data, Windows = [32] };
            return TrainingEvaluation.Create(options, config, tokenizer, null, default)!.TextHash;
        }
        Assert.Equal(Hash("one.tokens", 40, 50), Hash("again.tokens", 40, 50));
        Assert.NotEqual(Hash("one.tokens", 40, 50), Hash("other.tokens", 50, 40));
    }

    [Fact]
    public async Task A_resumed_run_draws_every_step_and_every_measurement_once()
    {
        string folder = model.Path("drawn");
        string[] settings =
        [
            "--steps", "3", "--tensorboard", "--save-every", "2", "--eval-every", "1", "--eval-passkey-lengths", "128",
            "--eval-passkey-trials", "1",
        ];
        (await Train(folder, settings)).Succeeded();
        File.Delete(Path.Combine(folder, "config.json")); // as if it had ended after its checkpoint of step 2
        (await Train(folder, [.. settings, "--resume"])).Succeeded();
        Assert.All((string[])["train/loss", "passkey/accuracy at 128"], curve => Assert.Equal([1, 2, 3],
            Events(folder).Where(e => e.Summary?.Value.Any(v => v.Tag == curve) == true).Select(e => (int)e.Step)));
    }

    [Fact]
    public async Task A_run_without_progress_ends_early()
    {
        string folder = model.Path("patient");
        // Without learning nothing gets better: the first measurement stays the best.
        CliRun run =
            (await Train(folder, "--steps", "50", "--learning-rate", "1e-30", "--eval-every", "1", "--eval-data", model.Text,
                "--eval-windows", "64", "--eval-documents", "1", "--patience", "2")).Succeeded();
        Assert.Contains("after step 1", run.Error);
        Assert.Contains("ended early, 2 evaluations later", run.Error);
        Assert.Equal(3, JsonLines.Read<StepMetrics>(Path.Combine(folder, "metrics.jsonl")).Count);
        using PretrainedModel finished = PretrainedModel.Load(new ModelSource(folder));
        Assert.Equal(256, finished.Model.Config.MaxPositionEmbeddings);
    }

    /// <summary>A run that ended early and died before its model was complete has nothing left to train.</summary>
    [Fact]
    public async Task A_run_that_ended_early_is_not_trained_on_when_it_is_resumed()
    {
        string folder = model.Path("over"), config = Path.Combine(folder, "config.json");
        string[] settings =
        [
            .. s_perplexity, "--steps", "50", "--learning-rate", "1e-30", "--eval-every", "1", "--eval-data", model.Text, "--patience", "2",
            "--save-every", "1",
        ];
        (await Train(folder, settings)).Succeeded();
        File.Delete(config);
        Assert.Contains("ended early, 2 evaluations later", (await Train(folder, [.. settings, "--resume"])).Succeeded().Error);
        Assert.True(File.Exists(config));
        Assert.Equal([1, 2, 3], JsonLines.Read<StepMetrics>(Path.Combine(folder, "metrics.jsonl")).Select(step => step.Step));
    }

    [Fact]
    public async Task Epochs_become_steps()
    {
        string folder = model.Path("epochs");
        CliRun run = (await Train(folder, "--epochs", "1.5")).Succeeded(); // six documents, two a step
        Assert.Equal([1, 2, 3, 4, 5], JsonLines.Read<StepMetrics>(Path.Combine(folder, "metrics.jsonl")).Select(step => step.Step));
        Assert.Matches(@"step 5/5 ", run.Error);
    }

    [Fact]
    public async Task Impossible_settings_are_named_at_once()
    {
        (await Train(model.Path("x"), "--eval-every", "-1", "--patience", "-2", "--eval-documents", "0"))
            .Complained("--eval-every is -1", "--patience is -2", "--eval-documents is 0");
        (await Train(model.Path("x"), "--eval-every", "1")).Complained("nothing to evaluate", "--eval-data");
        (await Train(model.Path("x"), "--eval-every", "1", "--eval-data", model.Text, "--eval-windows", "4096"))
            .Complained("No document can be evaluated");
        Assert.False(Directory.Exists(model.Path("x")));
    }

    [Fact]
    public void The_best_is_the_lowest_perplexity_in_the_longest_window_or_the_most_passkeys()
    {
        EvaluationPoint Perplexity(int step, int length, double value) => new(step, "perplexity", "perplexity", length, value);
        EvaluationPoint Passkey(int step, int length, double value) => new(step, "passkey", "accuracy", length, value);
        Assert.Equal(new BestCheckpoint(2, 5, 1),
            BestCheckpoint.FromPoints(
                [Perplexity(1, 64, 3), Perplexity(1, 128, 6), Perplexity(2, 64, 4), Perplexity(2, 128, 5), Passkey(2, 64, 0),
                    Perplexity(3, 64, 1), Perplexity(3, 128, 5)]));
        Assert.Equal(new BestCheckpoint(2, -0.5, 0),
            BestCheckpoint.FromPoints([Passkey(1, 64, 0.5), Passkey(1, 128, 0.25), Passkey(2, 64, 0.25), Passkey(2, 128, 0.75)]));
        Assert.Equal(new BestCheckpoint(0, double.PositiveInfinity, 1), BestCheckpoint.FromPoints([Perplexity(1, 64, double.NaN)]));
    }

    private Task<CliRun> Train(string folder, params string[] more) => CliRun.Of(Words(folder, model.Text, more));

    private string[] Words(string folder, string data, params string[] more) =>
    [
        "train", "--model", model.Folder, "--data", data, "--target-length", "256", "--out", folder, "--batch-size", "2", .. more,
        .. more.Contains("--save-every") ? [] : (string[])["--save-every", "0"],
    ];

    /// <summary>TFRecord: length (8 bytes), its checksum (4), the event, its checksum (4).</summary>
    private static IEnumerable<Event> Events(string folder)
    {
        byte[] bytes =
            File.ReadAllBytes(
                Assert.Single(Directory.EnumerateFiles(Path.Combine(folder, "tensorboard"), "*", SearchOption.AllDirectories)));
        for (int at = 0; at < bytes.Length;)
        {
            int length = (int)BitConverter.ToInt64(bytes, at);
            yield return Event.Parser.ParseFrom(bytes, at + 12, length);
            at += length + 16;
        }
    }
}
