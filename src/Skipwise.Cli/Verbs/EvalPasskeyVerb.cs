using Skipwise.Cli.Display;
using Skipwise.Cli.Flags;
using Skipwise.Distributed;
using Skipwise.Evaluation.Passkey;
using Skipwise.Evaluation.Results;
using Skipwise.Recipes;
using Skipwise.Runtime;

namespace Skipwise.Cli.Verbs;

/// <summary><c>skipwise eval passkey</c></summary>
internal static class EvalPasskeyVerb
{
    private const int DepthBins = 5;
    private static readonly PasskeyOptions s_default = new() { Lengths = [] };

    public static Verb Create(Screen screen)
    {
        var verb = new Verb("passkey",
            "Evaluate retrieval of a number hidden in filler text (passkey), by text length and depth of the number.",
            """
            skipwise eval passkey --model llama-2-7b-16k --lengths 4096,8192,16384
            skipwise eval passkey --model llama-2-7b --adapter lora-16k --lengths 16384 --depths 10 --trials 5
            skipwise eval passkey --model llama-2-7b-16k --trials 50 --save-trials trials.jsonl --json passkey.json
            """)
        {
            RunsOnSeveralRanks = true,
        };
        Flag<string> model = verb.Required("--model", "folder", "Hugging Face folder, ORG/NAME after 'pull', or a GGUF file")
            .Sets(nameof(EvaluatePasskeyOptions.Model));
        Flag<string?> adapter = verb.Adapter();
        Flag<IReadOnlyList<int>> lengths =
            verb.Integers("--lengths", "tokens of the prompt and its answer [default: the model's window and its halves]")
            .Sets(nameof(PasskeyOptions.Lengths));
        Flag<PasskeyVariant> variant =
            verb.Choice("--variant",
                "filler: whole sentences as in the PoSE reference code, or cut anywhere as in the tests of Landmark attention and YaRN",
                s_default.Variant).Sets(nameof(PasskeyOptions.Variant));
        Flag<int> trials =
            verb.Integer("--trials", "prompts per length (with --depths: per length and depth), each with its own number", s_default.Trials)
            .Sets(nameof(PasskeyOptions.Trials));
        Flag<int?> grid =
            verb.OptionalInteger("--depths",
                "evaluate on a grid: number of depths, in equal steps, the same for every length [default: the trials of a length " +
                "are spread over all depths]").Sets(nameof(PasskeyOptions.Grid));
        Flag<bool> randomDepths = verb.Switch("--random-depths", "draw the depths at random, as the PoSE reference code does")
            .Sets(nameof(PasskeyOptions.Depths));
        Flag<double> maxDepth =
            verb.Number("--max-depth",
                "largest depth of a number, as a fraction of the text; 0.5 leaves out those that a short window finds too",
                s_default.MaxDepth).Sets(nameof(PasskeyOptions.MaxDepth));
        Flag<ulong> seed = verb.Seed("seed of the numbers and of random depths").Sets(nameof(PasskeyOptions.Seed));
        Flag<int> maxNewTokens = verb.Integer("--max-new-tokens", "maximum tokens of the answer", s_default.MaxNewTokens)
            .Sets(nameof(PasskeyOptions.MaxNewTokens));
        Flag<int?> batchSize =
            verb.OptionalInteger("--batch-size", "prompts per forward pass [default: as many as a 256 MB key/value cache holds]")
            .Sets(nameof(PasskeyOptions.BatchSize));
        var json = new JsonFlag<IReadOnlyList<EvaluationRecord>>(verb);
        Flag<string?> saveTrials = verb.Output("--save-trials",
            "save every prompt with its response, one JSON line each; an interrupted run continues from the file")
            .Sets(nameof(EvaluatePasskeyOptions.Trials));
        var rope = new RopeFlags(verb);
        var compute = new ComputeFlags(verb);
        verb.OnRunWithTorch(screen, (parse, stop) =>
        {
            var options = new EvaluatePasskeyOptions
            {
                Model = model.ValueOf(parse),
                Rope = rope.Of(parse),
                Compute = compute.Of(parse),
                Trials = saveTrials.ValueOf(parse),
                Adapter = adapter.ValueOf(parse),
                Passkey = new PasskeyOptions
                {
                    Lengths = lengths.ValueOf(parse),
                    Trials = trials.ValueOf(parse),
                    Variant = variant.ValueOf(parse),
                    Grid = grid.ValueOf(parse),
                    Depths = randomDepths.ValueOf(parse) ? PasskeyDepths.Random : PasskeyDepths.Stratified,
                    MaxDepth = maxDepth.ValueOf(parse),
                    Seed = seed.ValueOf(parse),
                    MaxNewTokens = maxNewTokens.ValueOf(parse),
                    BatchSize = batchSize.ValueOf(parse),
                },
            };
            (ICollective ranks, ComputeOptions own) = screen.Ranks.Join(screen, options.Compute);
            options = options with { Compute = own };
            PasskeyMeasurement measurement =
                ProgressDisplay.Run(screen, display => EvaluatePasskey.Run(options, display.Evaluation, display.Stage, ranks, stop));
            json.Show(parse, screen, measurement.Records, () =>
            {
                screen.Table(ResultTables.Passkey(measurement.Results));
                screen.Table(measurement.Options.Grid is null ? ByDepth(measurement.Results)
                    : ResultTables.Grid([.. measurement.Results.Select(result => (result.Length, result.Cells()))]));
            });
            return ExitCode.Success;
        });
        return verb;
    }

    private static ResultTable ByDepth(IReadOnlyList<PasskeyResult> results) => new(
        "... by depth of the number in the text",
        ["length", .. Enumerable.Range(0, DepthBins).Select(bin => $"{100 * bin / DepthBins}-{100 * (bin + 1) / DepthBins} %")],
        [.. results.Select(result =>
            (IReadOnlyList<string>)[$"{result.Length}",
                .. result.ByDepth(DepthBins).Select(cell => cell.Count > 0 ? $"{cell.Correct}/{cell.Count}" : "")])]);
}
