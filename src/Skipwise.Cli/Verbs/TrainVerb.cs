using System.CommandLine;
using Skipwise.Cli.Config;
using Skipwise.Cli.Display;
using Skipwise.Cli.Flags;
using Skipwise.Cli.Results;
using Skipwise.Data;
using Skipwise.Distributed;
using Skipwise.Positions;
using Skipwise.Recipes;
using Skipwise.Runs;
using Skipwise.Runtime;
using Skipwise.Training;

namespace Skipwise.Cli.Verbs;

/// <summary><c>skipwise train</c></summary>
internal static class TrainVerb
{
    private static readonly FineTuneOptions s_default =
        new() { Model = "", Data = new DataOptions { Paths = [] }, Out = "", TargetLength = 0 };

    public static Verb Create(Screen screen)
    {
        var verb = new Verb("train",
            "Extend a model's context window by PoSE: fine-tune on short windows whose position ids skip up to the target length.",
            """
            skipwise train --model llama-2-7b --data books/ --target-length 16384 --out llama-2-7b-16k
            skipwise train --model llama-2-7b --data books/ --target-length 16384 --out lora-16k --lora-rank 16 --quantization-bits 4
            skipwise train -m llama-2-7b -d books/ -t 16384 -o llama-2-7b-16k --eval-data held-out.jsonl --eval-every 100
            """)
        {
            RunsOnSeveralRanks = true,
        };
        Flag<string> model = verb.Required("--model", "folder",
                "Hugging Face folder of the base model, ORG/NAME after 'pull', or a GGUF file")
            .Sets(nameof(FineTuneOptions.Model));
        Flag<string?> adapter = verb.Adapter();
        var data = new DataFlags(verb);
        Flag<int> target = verb.RequiredInteger("--target-length", "the window to reach, in tokens")
            .Sets(nameof(FineTuneOptions.TargetLength)).Sets(nameof(PoseOptions.TargetLength));
        Flag<string> folder = verb.Required("--out", "folder", "run folder, and folder of the finished model")
            .Sets(nameof(FineTuneOptions.Out));
        var rope = new RopeFlags(verb, extends: true, trains: true);
        Flag<int?> trainLength = verb.OptionalInteger("--train-length", "tokens per training window [default: the model's own window]")
            .Sets(nameof(FineTuneOptions.TrainLength)).Sets(nameof(PoseOptions.TrainLength));
        var positions = new PositionFlags(verb);
        Flag<string[]> splitAfter =
            verb.Texts("--split-after", "text",
                "end chunks after one of these texts, if the document has it; each is a single token (\\n for a newline)")
            .Sets(nameof(FineTuneOptions.SplitAfter)).Sets(nameof(PoseOptions.SplitAfter));
        Flag<int?> minTokens =
            verb.OptionalInteger("--min-document-tokens",
                "minimum document length, in tokens; shorter documents are left out [default: the training length]")
            .Sets(nameof(FineTuneOptions.MinDocumentTokens));
        var training = new TrainFlags(verb);
        var compute = new ComputeFlags(verb);
        var lora = new LoraFlags(verb);
        Flag<bool> merge = verb.Switch("--merge", "also write the model with the LoRA adapter merged into its weights, to merged/")
            .Sets(nameof(FineTuneOptions.Merge));
        var evaluation = new RunEvaluationFlags(verb);
        Flag<ulong> seed = verb.Seed("seed of the positions and the order of the documents")
            .Sets(nameof(FineTuneOptions.Seed));
        Flag<bool> freezePadRow =
            verb.Switch("--freeze-pad-embedding", "never train the embedding of pad_token_id, as the PoSE reference code does")
            .Sets(nameof(FineTuneOptions.FreezePadEmbedding));
        var save = new SaveFlags(verb);
        var json = new JsonFlag<RunResult>(verb);
        verb.AddConfigOption("--resume", "--json");
        verb.OnRunWithTorch(screen, (parse, stop) =>
        {
            var options = new FineTuneOptions
            {
                Model = model.ValueOf(parse),
                Data = data.Of(parse),
                Out = folder.ValueOf(parse),
                TargetLength = target.ValueOf(parse),
                TrainLength = trainLength.ValueOf(parse),
                Rope = rope.Of(parse),
                RopePilots = rope.Pilots(parse),
                Adapter = adapter.ValueOf(parse),
                Positions = positions.Of(parse),
                RandomStart = positions.RandomStart(parse),
                SplitAfter = [.. splitAfter.ValueOf(parse).Select(text => DataFlags.Unescaped(text)!)],
                MinDocumentTokens = minTokens.ValueOf(parse),
                FreezePadEmbedding = freezePadRow.ValueOf(parse),
                Training = training.Of(parse),
                Compute = compute.Of(parse),
                Lora = lora.Of(parse),
                Merge = merge.ValueOf(parse),
                Evaluation = evaluation.Of(parse, data.Of(parse)),
                Seed = seed.ValueOf(parse),
            };
            SaveOptions saving = save.Of(parse) with { ConfigText = EffectiveConfig.Text(parse) };
            FineTune.Validate(options, saving);
            DataFlags.Tell(options.Data, screen);
            DataFlags.TellUnread(options.Evaluation.Data?.Paths ?? [], options.Data.Documents, screen);
            return Run(screen, parse, json, options, saving, stop);
        });
        return verb;
    }

    private static int Run(Screen screen, ParseResult parse, JsonFlag<RunResult> json, FineTuneOptions options, SaveOptions save,
        CancellationToken stop)
    {
        (ICollective ranks, ComputeOptions compute) = screen.Ranks.Join(screen, options.Compute);
        options = options with { Compute = compute };
        TrainingOutcome outcome = ProgressDisplay.Run(screen, display =>
            FineTune.Run(options, save, display.Stage, display.Tokenizing, Training(display), display.Evaluation, ranks, stop));
        // Not on the text that the model was trained on: its perplexity there says little.
        string heldOut = options.Evaluation.Data is { Paths: var paths }
            ? string.Join(' ', paths.Select(RunSummary.Quoted))
            : "HELD-OUT-TEXT";
        string model = !options.Lora.IsEnabled ? $"--model {RunSummary.Quoted(options.Out)}"
            : options.Merge ? $"--model {RunSummary.Quoted(Path.Combine(options.Out, FineTune.MergedName))}"
            : $"--model {RunSummary.Quoted(options.Model)} --adapter {RunSummary.Quoted(options.Out)}";
        return RunSummary.Tell(screen, parse, json, outcome, options.Out,
            $"skipwise eval perplexity {model} --data {heldOut}",
            $"skipwise eval passkey {model}",
            $"skipwise generate {model} --prompt \"Once upon a time\"");

        Func<int, IProgress<StepMetrics>> Training(ProgressDisplay display) => steps =>
        {
            screen.RunBegins();
            return display.Training(steps);
        };
    }
}
