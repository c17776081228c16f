using Skipwise.Cli.Display;
using Skipwise.Cli.Flags;
using Skipwise.Evaluation;
using Skipwise.Recipes;

namespace Skipwise.Cli.Verbs;

/// <summary><c>skipwise eval passkey</c></summary>
internal static class EvalPasskeyVerb
{
    private const int DepthBins = 5;
    private static readonly PasskeyOptions s_default = new() { Lengths = [] };

    public static Verb Create(Screen screen)
    {
        var verb = new Verb("passkey", "Hide a number in a long text and ask for it, by the length of the text and the depth of the number.",
            "skipwise eval passkey --model llama-2-7b-16k --lengths 4096,8192,16384 --trials 50 --json passkey.json");
        Flag<string> model = verb.Required("--model", "folder", "Hugging Face folder");
        Flag<IReadOnlyList<int>> lengths = verb.Integers("--lengths", "tokens of the prompt and its answer [default: the model's window and its halves]");
        Flag<int> trials = verb.Integer("--trials", "prompts per length, each with its own number", s_default.Trials).Alias("--limit");
        Flag<PasskeyDepths> depths = verb.Choice("--depths", "where the numbers stand: spread evenly, or drawn", s_default.Depths);
        Flag<double> maxDepth = verb.Number("--max-depth", "numbers stand in this first share of the text; 0.5 leaves out those that a short window finds too", s_default.MaxDepth);
        Flag<ulong> seed = verb.Seed("seed of the numbers and of random depths", s_default.Seed);
        Flag<int> maxNewTokens = verb.Integer("--max-new-tokens", "tokens of the answer", s_default.MaxNewTokens);
        Flag<int?> batchSize = verb.OptionalInteger("--batch-size", "prompts answered together [default: as many as a 256 MB cache holds]");
        Flag<string?> json = verb.Text("--json", "file", "write the results as JSON");
        Flag<string?> saveTrials = verb.Text("--save-trials", "file", "write every prompt with its answer, one JSON line each");
        var rope = new RopeFlags(verb);
        verb.TakesConfig();
        verb.Computes(screen, (parse, stop) =>
        {
            var options = new EvaluatePasskeyOptions
            {
                Model = model.Of(parse),
                Rope = rope.Of(parse),
                Passkey = new PasskeyOptions
                {
                    Lengths = lengths.Of(parse),
                    Trials = trials.Of(parse),
                    Depths = depths.Of(parse),
                    MaxDepth = maxDepth.Of(parse),
                    Seed = seed.Of(parse),
                    MaxNewTokens = maxNewTokens.Of(parse),
                    BatchSize = batchSize.Of(parse),
                },
            };
            PasskeyMeasurement measurement = ProgressDisplay.Run(screen, display => EvaluatePasskey.Run(options, display.Evaluation, stop));
            screen.Table(ResultTables.Passkey(measurement.Results));
            screen.Table(ByDepth(measurement.Results));
            if (json.Of(parse) is { } path)
            {
                EvaluationJson.Write(path, measurement.Records);
            }
            if (saveTrials.Of(parse) is { } trialsPath)
            {
                measurement.SaveTrials(trialsPath);
            }
            return ExitCode.Success;
        });
        return verb;
    }

    private static ResultTable ByDepth(IReadOnlyList<PasskeyResult> results) => new(
        "... by depth of the number in the text",
        ["length", .. Enumerable.Range(0, DepthBins).Select(bin => $"{100 * bin / DepthBins}-{100 * (bin + 1) / DepthBins} %")],
        [.. results.Select(result => (IReadOnlyList<string>)[$"{result.Length}", .. result.ByDepth(DepthBins).Select(cell => cell.Count > 0 ? $"{cell.Correct}/{cell.Count}" : "")])]);
}
