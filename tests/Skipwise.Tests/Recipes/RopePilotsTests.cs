using System.Text.Json.Nodes;
using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Data;
using Skipwise.Distributed;
using Skipwise.Models;
using Skipwise.Recipes;
using Skipwise.Rope;
using Skipwise.Runs;
using Skipwise.Storage;
using Skipwise.Tests.Cli;
using Skipwise.Training;

namespace Skipwise.Tests.Recipes;

/// <summary>The pilots that choose the scaling of a fine-tune.</summary>
public sealed class RopePilotsTests(SmallModel model) : IClassFixture<SmallModel>
{
    private const int Target = 4 * SmallModel.Window, PilotSteps = 3;

    /// <summary>A pilot's number is that of a run of as many steps with its scaling, and the run is that of the best one.</summary>
    [Fact]
    public async Task A_pilot_is_a_short_run_and_the_best_one_decides()
    {
        FineTuneOptions options = Options("auto");
        var notes = new List<string>();
        var trainings = new List<int>();
        TrainingOutcome outcome = FineTune.Run(options, new SaveOptions(), new SynchronousProgress<string>(notes.Add), progress: steps =>
        {
            trainings.Add(steps);
            return new SynchronousProgress<StepMetrics>(_ => { });
        });
        Assert.True(outcome.Completed);
        Assert.Equal([PilotSteps, PilotSteps, PilotSteps, PilotSteps, options.Training.Steps], trainings);

        Dictionary<string, double> measured = Pilots("auto");
        Assert.Equal(["linear", "llama3", "ntk", "yarn"], measured.Keys.Order(StringComparer.Ordinal));
        Assert.Equal(4, measured.Values.Distinct().Count());
        foreach ((string rope, double perplexity) in measured)
        {
            FineTuneOptions alone = Options($"alone-{rope}") with
            {
                RopePilots = new(),
                Rope = new RopeOverrides { Type = RopeTypeNames.Parse(rope) },
                Training = options.Training with { Steps = PilotSteps, WarmupSteps = 1 }, // 2 of 6 steps are
                Evaluation = new(),
            };
            FineTune.Run(alone, new SaveOptions());
            string results = model.Path($"{rope}.json");
            (await CliRun.Of("eval", "perplexity", "-m", alone.Out, "-d", model.Text, "-l", $"{Target}", "--min-tokens", $"{Target}",
                "--max-tokens", $"{Target}", "--max-documents", "2", "--json", results)).Succeeded();
            string json = await File.ReadAllTextAsync(results, TestContext.Current.CancellationToken);
            Assert.Equal((double)JsonNode.Parse(json)![0]!["value"]!, perplexity, 1e-6 * perplexity);
            Assert.Contains(notes, note => note.StartsWith($"rope: {rope}: perplexity ", StringComparison.Ordinal));
        }

        string best = measured.MinBy(pilot => pilot.Value).Key;
        Assert.Contains($"rope: {best} has the lowest perplexity at {Target} tokens, and is taken", notes);
        FineTune.Run(options with
        {
            Out = model.Path("named"),
            RopePilots = new(),
            Rope = new RopeOverrides { Type = RopeTypeNames.Parse(best) },
            Evaluation = new(),
        }, new SaveOptions());
        CancellationToken cancel = TestContext.Current.CancellationToken;
        Assert.Equal(await File.ReadAllBytesAsync(model.Path("named/model.safetensors"), cancel),
            await File.ReadAllBytesAsync(model.Path("auto/model.safetensors"), cancel));
    }

    [Fact]
    public void Stopped_pilots_continue_where_they_were()
    {
        FineTuneOptions options = Options("stopped");
        using var stop = new CancellationTokenSource();
        int begun = 0;
        Assert.Equal(new TrainingOutcome(false, null), FineTune.Run(options, new SaveOptions(), progress: _ =>
        {
            if (++begun == 3)
            {
                stop.Cancel();
            }
            return new SynchronousProgress<StepMetrics>(_ => { });
        }, stop: stop.Token));
        Dictionary<string, double> kept = Pilots("stopped");
        Assert.Equal(["linear", "ntk"], kept.Keys.Order(StringComparer.Ordinal));
        Assert.False(File.Exists(model.Path("stopped/run.json")));

        var trainings = new List<int>();
        FineTune.Run(options, new SaveOptions(), progress: steps =>
        {
            trainings.Add(steps);
            return new SynchronousProgress<StepMetrics>(_ => { });
        });
        Assert.Equal([PilotSteps, PilotSteps, options.Training.Steps], trainings);
        Assert.Superset(kept.ToHashSet(), Pilots("stopped").ToHashSet());

        // the finished run, asked for again, trains nothing and needs no held-out text; with --resume its scaling is the kept one
        FineTuneOptions without = options with
        {
            Evaluation = options.Evaluation with { Data = new DataOptions { Paths = [model.Path("gone.jsonl")] } },
        };
        Assert.Equal("the run was finished already", FineTune.Run(without, new SaveOptions { Resume = true },
            progress: _ => new SynchronousProgress<StepMetrics>(_ => throw new InvalidOperationException())).Note);
    }

    /// <summary>Everything that decides a pilot's numbers makes other pilots; kept ones of others are not taken.</summary>
    [Theory]
    [InlineData("seed"), InlineData("text"), InlineData("held-out"), InlineData("config"), InlineData("factor"), InlineData("batch")]
    public void Pilots_of_something_else_are_not_taken(string what)
    {
        FineTuneOptions options = Options($"first-{what}") with
        {
            Model = model.Copy($"model-{what}"),
            Data = new DataOptions { Paths = [Copy($"text-{what}.jsonl")] },
            RopePilots = new() { IsEnabled = true, Steps = 1, Candidates = [RopeType.Ntk, RopeType.Yarn] },
        };
        options = options with { Training = options.Training with { Steps = 2, WarmupSteps = 0 } };
        FineTune.Run(options, new SaveOptions());
        Assert.Equal(1, Trainings(options with { RopePilots = options.RopePilots with { Candidates = [RopeType.Yarn] } }));
        Assert.Equal(["yarn"], Pilots($"first-{what}").Keys);
        switch (what)
        {
            case "seed":
                options = options with { Seed = 7 };
                break;
            case "text": // of the same size
                string text = File.ReadAllText(options.Data.Paths[0]);
                File.WriteAllText(options.Data.Paths[0], text.Replace("the", "hte", StringComparison.Ordinal));
                break;
            case "held-out":
                options = options with { Evaluation = options.Evaluation with { Documents = 1 } };
                break;
            case "config":
                string config = Path.Combine(options.Model, "config.json");
                JsonObject values = JsonNode.Parse(File.ReadAllText(config))!.AsObject();
                values["rms_norm_eps"] = 1e-3;
                File.WriteAllText(config, values.ToJsonString());
                break;
            case "factor":
                options = options with { Rope = new RopeOverrides { Factor = 8 } };
                break;
            default:
                options = options with { Training = options.Training with { BatchSize = 3 } };
                break;
        }
        Assert.Equal(3, Trainings(options));
    }

    /// <summary>An adapter on quantized weights, in epochs, of texts in memory.</summary>
    [Fact]
    public void Pilots_train_what_the_run_trains()
    {
        string[] texts = [.. File.ReadLines(model.Text).Select(line => (string)JsonNode.Parse(line)!["text"]!)];
        FineTuneOptions options = Options("adapter") with
        {
            Data = new DataOptions { Texts = texts },
            Lora = new() { Rank = 2, QuantizationBits = 8 },
        };
        options = options with
        {
            Training = options.Training with { Epochs = 1 },
            Evaluation = options.Evaluation with { Data = new DataOptions { Texts = texts }, EverySteps = 3, Windows = [Target] },
        };
        Assert.True(FineTune.Run(options, new SaveOptions()).Completed);
        Assert.True(File.Exists(model.Path("adapter/adapter_model.safetensors")));
        Assert.Equal(4, Pilots("adapter").Values.Distinct().Count());
    }

    [Fact]
    public void Pilots_that_diverge_do_not_win()
    {
        FineTuneOptions options = Options("diverged") with
        {
            RopePilots = new() { IsEnabled = true, Steps = PilotSteps, Candidates = [RopeType.Ntk] },
        };
        options = options with { Training = options.Training with { LearningRate = 1e30, MaxGradNorm = 0, SpikeThreshold = 0 } };
        Assert.Contains("no pilot has a finite perplexity at 256 tokens",
            Assert.Throws<SkipwiseException>(() => FineTune.Run(options, new SaveOptions())).Message);
        Assert.False(File.Exists(model.Path("diverged/config.json")));
    }

    [Fact]
    public void What_pilots_cannot_do_is_told_first()
    {
        string Complaint(FineTuneOptions options, SaveOptions? save = null) =>
            Assert.Throws<SkipwiseException>(() => FineTune.Run(options, save ?? new SaveOptions())).Message;
        FineTuneOptions options = Options("refused");
        Assert.Contains("are compared on held-out text: name it with", Complaint(options with { Evaluation = new() }));
        Assert.Contains("names a scaling, and", Complaint(options with { Rope = new RopeOverrides { Type = RopeType.Ntk } }));
        Assert.Contains("is no longer than the model's window", Complaint(options with { TargetLength = SmallModel.Window }));
        Assert.Contains("Steps is 0", Complaint(options with { RopePilots = new() { IsEnabled = true, Steps = 0 } }));
        Assert.False(Directory.Exists(options.Out));

        FineTuneOptions named = options with
        {
            RopePilots = new(),
            Rope = new RopeOverrides { Type = RopeType.Ntk },
            Evaluation = new(),
        };
        FineTune.Run(named, new SaveOptions());
        Assert.Contains("no pilots chose the scaling of this run", Complaint(options, new SaveOptions { Resume = true }));
    }

    [Fact]
    public void A_model_that_others_read_with_lists_only_gets_lists()
    {
        JsonObject phi = JsonNode.Parse(File.ReadAllText(Path.Combine(model.Folder, "config.json")))!.AsObject();
        (phi["model_type"], phi["architectures"]) = ("phi3", new JsonArray("Phi3ForCausalLM"));
        Assert.Equal([RopeType.LongRope, RopeType.DynamicNtk],
            new RopePilots(Options("phi"), HfConfig.Parse(phi.ToJsonString(), "phi"), null, SingleProcess.Instance).Candidates);
        Assert.Equal([RopeType.Linear], new RopePilots(
            Options("phi") with { RopePilots = new() { IsEnabled = true, Candidates = [RopeType.Linear, RopeType.Linear] } },
            HfConfig.ForModel(model.Folder), null, SingleProcess.Instance).Candidates);
    }

    [Fact]
    public async Task The_command_says_auto()
    {
        string folder = model.Path("command");
        string[] line =
        [
            "train", "-m", model.Folder, "-d", model.Text, "-t", $"{Target}", "-o", folder, "--steps", "2", "--batch-size", "2",
            "--rope", "auto", "--rope-pilot-steps", "1",
        ];
        (await CliRun.Of(line)).Complained("name it with --eval-data, or name a scaling with --rope");
        CliRun run = (await CliRun.Of([.. line, "--eval-data", model.Text])).Succeeded();
        Assert.Contains("and is taken", run.Output + run.Error, StringComparison.Ordinal);
        Assert.Contains("rope: auto", await File.ReadAllTextAsync(Path.Combine(folder, "run.yaml"), TestContext.Current.CancellationToken));
        (await CliRun.Of("train", "-c", Path.Combine(folder, "run.yaml"), "--resume")).Succeeded();
        (await CliRun.Of("estimate", "-m", model.Folder, "-t", $"{Target}", "--rope", "auto")).Complained("Unknown rope type 'auto'");
    }

    private string Copy(string name)
    {
        File.Copy(model.Text, model.Path(name));
        return model.Path(name);
    }

    /// <summary>How many trainings a fresh start of a run has.</summary>
    private static int Trainings(FineTuneOptions options)
    {
        int trainings = 0;
        FineTune.Run(options, new SaveOptions { Overwrite = true }, progress: _ =>
        {
            trainings++;
            return new SynchronousProgress<StepMetrics>(_ => { });
        });
        return trainings;
    }

    private FineTuneOptions Options(string name) => new()
    {
        Model = model.Folder,
        Data = new DataOptions { Paths = [model.Text] },
        Out = model.Path(name),
        TargetLength = Target,
        Training = new TrainOptions { Steps = 6, BatchSize = 2, WarmupSteps = 2, LearningRate = 1e-2 },
        Evaluation = new() { Data = new DataOptions { Paths = [model.Text] }, Documents = 2 },
        RopePilots = new() { IsEnabled = true, Steps = PilotSteps },
    };

    private Dictionary<string, double> Pilots(string name) =>
        JsonNode.Parse(File.ReadAllText(model.Path($"{name}/rope-pilots.json")))!["pilots"]!.AsArray()
            .ToDictionary(pilot => (string)pilot!["rope"]!, pilot => (double)pilot!["perplexity"]!);
}
