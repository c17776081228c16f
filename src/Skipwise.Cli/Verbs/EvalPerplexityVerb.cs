using Skipwise.Cli.Display;
using Skipwise.Cli.Flags;
using Skipwise.Evaluation.Perplexity;
using Skipwise.Evaluation.Results;
using Skipwise.Recipes;

namespace Skipwise.Cli.Verbs;

/// <summary><c>skipwise eval perplexity</c></summary>
internal static class EvalPerplexityVerb
{
    private static readonly PerplexityOptions s_default = new() { Windows = [] };

    public static Verb Create(Screen screen)
    {
        var verb = new Verb("perplexity", "Evaluate perplexity on text, by window length.",
            "skipwise eval perplexity --model llama-2-7b-16k --data held-out.jsonl.gz --windows 2048,4096,8192,16384");
        Flag<string> model = verb.Required("--model", "folder", "Hugging Face folder").Sets(nameof(EvaluatePerplexityOptions.Model));
        Flag<string?> adapter = verb.Adapter();
        var data = new DataFlags(verb);
        Flag<IReadOnlyList<int>> windows =
            verb.Integers("--windows", "window lengths in tokens, BOS included [default: the model's window and its halves]")
            .Sets(nameof(PerplexityOptions.Windows));
        Flag<WindowMode> mode =
            verb.Choice("--mode",
                "tokens that are scored: all, in sliding windows; those of each document's first window; or each document's last ones",
                s_default.Mode).Sets(nameof(PerplexityOptions.Mode));
        Flag<int> stride = verb.Integer("--stride", "sliding: tokens between the starts of two windows", s_default.Stride)
            .Sets(nameof(PerplexityOptions.Stride));
        Flag<int> targets =
            verb.Integer("--scored-tokens", "last-tokens: tokens scored at each document's end, the same for every window",
                s_default.ScoredTokens).Sets(nameof(PerplexityOptions.ScoredTokens));
        Flag<int?> minTokens =
            verb.OptionalInteger("--min-tokens",
                "minimum document length, in tokens; shorter documents are left out [default: the longest window]")
            .Sets(nameof(EvaluatePerplexityOptions.MinTokens)).Sets(nameof(PerplexityOptions.MinTokens));
        Flag<int?> maxTokens =
            verb.OptionalInteger("--max-tokens", "maximum document length, in tokens; longer documents are cut [default: not cut]")
            .Sets(nameof(PerplexityOptions.MaxTokens));
        Flag<int> maxDocuments =
            verb.Integer("--max-documents", "number of documents, from the first; 0 takes all", s_default.MaxDocuments ?? 0)
            .Sets(nameof(PerplexityOptions.MaxDocuments))
            .Alias("--limit");
        Flag<int?> batchSize = verb.OptionalInteger("--batch-size", "windows per forward pass [default: by their length]")
            .Sets(nameof(PerplexityOptions.BatchSize));
        Flag<int?> byPosition =
            verb.OptionalInteger("--position-bins", "also report the mean loss by position, in this number of equal parts of each window")
            .Sets(nameof(PerplexityOptions.PositionBins));
        Flag<string?> json = verb.Results("--json", "write the results as JSON to this file");
        var rope = new RopeFlags(verb);
        var compute = new ComputeFlags(verb);
        verb.AddConfigOption();
        verb.OnRunWithTorch(screen, (parse, stop) =>
        {
            var options = new EvaluatePerplexityOptions
            {
                Model = model.ValueOf(parse),
                Data = data.Of(parse),
                Rope = rope.Of(parse),
                Compute = compute.Of(parse),
                Adapter = adapter.ValueOf(parse),
                MinTokens = minTokens.ValueOf(parse),
                Perplexity = new PerplexityOptions
                {
                    Windows = windows.ValueOf(parse),
                    Mode = mode.ValueOf(parse),
                    Stride = stride.ValueOf(parse),
                    ScoredTokens = targets.ValueOf(parse),
                    MaxTokens = maxTokens.ValueOf(parse),
                    MaxDocuments = maxDocuments.ValueOf(parse) is var most and not 0 ? most : null,
                    PositionBins = byPosition.ValueOf(parse),
                    BatchSize = batchSize.ValueOf(parse),
                },
            };
            EvaluatePerplexity.Validate(options);
            DataFlags.Tell(options.Data, screen);
            PerplexityMeasurement measurement =
                ProgressDisplay.Run(screen, display => EvaluatePerplexity.Run(options, display.Evaluation, display.Stage, stop));
            screen.Table(ResultTables.Perplexity(measurement.Results));
            if (byPosition.IsSpecified(parse))
            {
                screen.Table(ResultTables.LossByPosition(measurement.Results));
            }
            if (json.ValueOf(parse) is { } path)
            {
                EvaluationJson.Write(path, measurement.Records);
            }
            return ExitCode.Success;
        });
        return verb;
    }
}
