using Skipwise.Cli.Display;
using Skipwise.Cli.Flags;
using Skipwise.Evaluation;
using Skipwise.Recipes;
using Skipwise.Reports.Comparing;

namespace Skipwise.Cli.Verbs;

/// <summary><c>skipwise eval all</c></summary>
internal static class EvalAllVerb
{
    private const string DefaultFolder = "skipwise-eval";
    private static readonly PasskeyOptions s_passkey = new() { Lengths = [] };
    private static readonly PerplexityOptions s_perplexity = new() { Windows = [] };

    public static Verb Create(Screen screen)
    {
        var verb = new Verb("all", "Measure models side by side, each number once, and write one report; limits decide the exit code.",
            "skipwise eval all --model llama-2-7b --model llama-2-7b-16k --data reports.jsonl --out compared --min-passkey 0.9 --max-short-ppl-increase 0.02");
        Flag<string[]> models = verb.Texts("--model", "folder", "Hugging Face folders; give --model once for each. The others are compared with the first", required: true);
        Flag<string?> folder = verb.Text("--out", "folder", $"receives results and report; an interrupted run continues there [default: {DefaultFolder}]");
        var data = new DataFlags(verb, required: false);
        Flag<IReadOnlyList<int>> lengths = verb.Integers("--lengths", "tokens of windows and prompts, the same for every model [default: the longest window and its halves, and the first model's original window]");
        Flag<int> maxDocuments = verb.Integer("--max-documents", "perplexity: measure the first so many documents; 0 measures all", s_perplexity.MaxDocuments ?? 0);
        Flag<int> trials = verb.Integer("--trials", "passkey: prompts per length", s_passkey.Trials);
        Flag<ulong> seed = verb.Seed("seed of what is hidden and where", s_passkey.Seed);
        Flag<int?> batchSize = verb.OptionalInteger("--batch-size", "windows or prompts per forward [default: by their length]");
        Flag<string?> json = verb.Text("--json", "file", "write every number as JSON");
        var gates = new GateFlags(verb);
        verb.Computes(screen, (parse, stop) =>
        {
            DataOptions documents = data.Of(parse);
            var options = new EvaluateAllOptions
            {
                Models = models.Of(parse),
                Out = folder.Of(parse) ?? DefaultFolder,
                Data = documents.Paths.Count > 0 ? documents : null,
                Lengths = lengths.Of(parse),
                Perplexity = s_perplexity with { MaxDocuments = maxDocuments.Of(parse) is var most and not 0 ? most : null, BatchSize = batchSize.Of(parse) },
                Passkey = s_passkey with { Trials = trials.Of(parse), Seed = seed.Of(parse), BatchSize = batchSize.Of(parse) },
                EffectiveLength = gates.Rule(parse),
                Gates = gates.Of(parse),
            };
            Comparison comparison = ProgressDisplay.Run(screen, display =>
                EvaluateAll.Run(options, new EvaluateAllProgress { Stage = display.Stage, Evaluation = display.Evaluation }, stop));
            if (json.Of(parse) is { } path)
            {
                EvaluationJson.Write(path, comparison.Records);
            }
            return ReportVerb.Tell(screen, comparison, Path.Combine(options.Out, EvaluateAll.ReportName));
        });
        return verb;
    }
}
