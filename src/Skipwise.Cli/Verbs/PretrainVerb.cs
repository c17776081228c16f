using System.CommandLine;
using Skipwise.Cli.Config;
using Skipwise.Cli.Display;
using Skipwise.Cli.Flags;
using Skipwise.Cli.Results;
using Skipwise.Distributed;
using Skipwise.Recipes;
using Skipwise.Runs;
using Skipwise.Training;

namespace Skipwise.Cli.Verbs;

/// <summary><c>skipwise pretrain</c></summary>
internal static class PretrainVerb
{
    private static readonly PretrainOptions s_default = new() { Out = "" };

    public static Verb Create(Screen screen)
    {
        var verb = new Verb("pretrain",
            "Train the small base model of 'demo' from scratch, on synthetic English text.",
            """
            skipwise pretrain --out base
            skipwise pretrain --out base --window 256 --layers 6 --hidden-size 384 --heads 6
            skipwise pretrain --out base --save-every 500 --resume
            """)
        {
            RunsOnSeveralRanks = true,
        };
        Flag<string> folder = verb.Required("--out", "folder", "run folder, and folder of the finished model")
            .Sets(nameof(PretrainOptions.Out));
        Flag<int> window = verb.Integer("--window", "the model's window, in tokens", s_default.ContextLength)
            .Sets(nameof(PretrainOptions.ContextLength));
        Flag<int> vocabulary =
            verb.Integer("--vocab-size", "size of the BPE vocabulary, which is trained first", s_default.VocabSize)
            .Sets(nameof(PretrainOptions.VocabSize));
        Flag<int> hidden = verb.Integer("--hidden-size", "hidden size of the model", s_default.HiddenSize)
            .Sets(nameof(PretrainOptions.HiddenSize));
        Flag<int> intermediate =
            verb.Integer("--intermediate-size", "intermediate size of the feed-forward layers", s_default.IntermediateSize)
            .Sets(nameof(PretrainOptions.IntermediateSize));
        Flag<int> layers = verb.Integer("--layers", "decoder layers", s_default.NumHiddenLayers)
            .Sets(nameof(PretrainOptions.NumHiddenLayers));
        Flag<int> heads = verb.Integer("--heads", "attention heads; each has hidden size / heads dimensions", s_default.NumAttentionHeads)
            .Sets(nameof(PretrainOptions.NumAttentionHeads));
        Flag<double> theta = verb.Number("--rope-theta", "base of the rotary frequencies", s_default.RopeTheta)
            .Sets(nameof(PretrainOptions.RopeTheta));
        Flag<int> listSteps =
            verb.Integer("--list-steps", "steps of the first stage, on repeated lists in half the window", s_default.ListSteps)
            .Sets(nameof(PretrainOptions.ListSteps));
        Flag<int> steps = verb.Integer("--steps", "steps of the second stage, on the whole corpus", s_default.Steps)
            .Sets(nameof(PretrainOptions.Steps)).Sets(nameof(TrainOptions.Steps));
        Flag<int> documents = verb.Integer("--documents", "number of documents in the second stage's corpus", s_default.Documents)
            .Sets(nameof(PretrainOptions.Documents));
        Flag<int> batch = verb.Integer("--batch-size", "windows per step", s_default.BatchSize)
            .Sets(nameof(PretrainOptions.BatchSize)).Sets(nameof(TrainOptions.BatchSize));
        Flag<double> rate = verb.Number("--learning-rate", "peak learning rate of the second stage", s_default.LearningRate)
            .Sets(nameof(PretrainOptions.LearningRate)).Sets(nameof(TrainOptions.LearningRate));
        Flag<ulong> seed = verb.Seed("seed of the weights, the text and its order").Sets(nameof(PretrainOptions.Seed));
        var save = new SaveFlags(verb);
        var json = new JsonFlag<RunResult>(verb);
        verb.AddConfigOption("--resume", "--json");
        verb.OnRunWithTorch(screen, (parse, stop) =>
        {
            var options = new PretrainOptions
            {
                Out = folder.ValueOf(parse),
                Seed = seed.ValueOf(parse),
                ContextLength = window.ValueOf(parse),
                VocabSize = vocabulary.ValueOf(parse),
                HiddenSize = hidden.ValueOf(parse),
                IntermediateSize = intermediate.ValueOf(parse),
                NumHiddenLayers = layers.ValueOf(parse),
                NumAttentionHeads = heads.ValueOf(parse),
                RopeTheta = theta.ValueOf(parse),
                ListSteps = listSteps.ValueOf(parse),
                Steps = steps.ValueOf(parse),
                Documents = documents.ValueOf(parse),
                BatchSize = batch.ValueOf(parse),
                LearningRate = rate.ValueOf(parse),
            };
            return Run(screen, parse, json, options, save.Of(parse) with { ConfigText = EffectiveConfig.Text(parse) }, stop);
        });
        return verb;
    }

    private static int Run(Screen screen, ParseResult parse, JsonFlag<RunResult> json, PretrainOptions options, SaveOptions save,
        CancellationToken stop)
    {
        ICollective ranks = screen.Ranks.Join(screen);
        TrainingOutcome outcome = ProgressDisplay.Run(screen, display =>
        {
            string? stage = null;
            IProgress<StepMetrics>? steps = null;
            return Pretrain.Run(options, save, new SynchronousProgress<(string Stage, StepMetrics Metrics)>(step =>
            {
                if (step.Stage != stage)
                {
                    stage = step.Stage;
                    screen.RunBegins();
                    display.Stage.Report(stage == Pretrain.ListStage ? "first stage: repeated lists" : "second stage: the corpus");
                    steps = display.Training(stage == Pretrain.ListStage ? options.ListSteps : options.Steps);
                }
                steps!.Report(step.Metrics);
            }), ranks, stop);
        });
        string model = RunSummary.Quoted(options.Out);
        return RunSummary.Tell(screen, parse, json, outcome, options.Out,
            $"skipwise eval passkey --model {model}",
            $"skipwise generate --model {model} --prompt \"The\"");
    }
}
