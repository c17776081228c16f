using Skipwise.Cli.Display;
using Skipwise.Cli.Flags;
using Skipwise.Data;
using Skipwise.Distributed;
using Skipwise.Evaluation.Perplexity;
using Skipwise.Evaluation.Results;
using Skipwise.Recipes;
using Skipwise.Runtime;

namespace Skipwise.Cli.Verbs;

/// <summary><c>skipwise eval perplexity</c></summary>
internal static class EvalPerplexityVerb
{
    private static readonly PerplexityOptions s_default =
        new EvaluatePerplexityOptions { Model = "", Data = new DataOptions { Paths = [] } }.Perplexity;

    public static Verb Create(Screen screen)
    {
        var verb = new Verb("perplexity", "Evaluate perplexity on text, by window length.",
            """
            skipwise eval perplexity --model llama-2-7b-16k --data held-out.jsonl.gz --lengths 2048,4096,8192,16384
            skipwise eval perplexity --model llama-2-7b --adapter lora-16k --data held-out/ --mode last-tokens
            skipwise eval perplexity --model llama-2-7b-16k --data held-out.jsonl --position-bins 8 --json perplexity.json
            """)
        {
            RunsOnSeveralRanks = true,
        };
        Flag<string> model = verb.Required("--model", "folder", "Hugging Face folder, ORG/NAME after 'pull', or a GGUF file")
            .Sets(nameof(EvaluatePerplexityOptions.Model));
        Flag<string?> adapter = verb.Adapter();
        var data = new DataFlags(verb);
        Flag<IReadOnlyList<int>> windows =
            verb.Integers("--lengths", "window lengths in tokens, BOS included [default: the model's window and its halves]")
            .Sets(nameof(PerplexityOptions.Windows)).Alias("--windows");
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
            .Sets(nameof(PerplexityOptions.MaxDocuments));
        var maxTotalTokens = new TotalTokensFlag(verb, "", s_default.MaxTotalTokens);
        Flag<int?> batchSize = verb.OptionalInteger("--batch-size", "windows per forward pass [default: by their length]")
            .Sets(nameof(PerplexityOptions.BatchSize));
        Flag<int?> byPosition =
            verb.OptionalInteger("--position-bins", "also report the mean loss by position, in this number of equal parts of each window")
            .Sets(nameof(PerplexityOptions.PositionBins));
        var json = new JsonFlag<IReadOnlyList<EvaluationRecord>>(verb);
        var rope = new RopeFlags(verb);
        var compute = new ComputeFlags(verb);
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
                    MaxTotalTokens = maxTotalTokens.Of(parse),
                    PositionBins = byPosition.ValueOf(parse),
                    BatchSize = batchSize.ValueOf(parse),
                },
            };
            EvaluatePerplexity.Validate(options);
            (ICollective ranks, ComputeOptions own) = screen.Ranks.Join(screen, options.Compute);
            options = options with { Compute = own };
            DataFlags.Tell(options.Data, screen);
            PerplexityMeasurement measurement =
                ProgressDisplay.Run(screen, display => EvaluatePerplexity.Run(options, display.Evaluation, display.Stage, ranks, stop));
            json.Show(parse, screen, measurement.Records, () =>
            {
                screen.Table(ResultTables.Perplexity(measurement.Results));
                if (byPosition.IsSpecified(parse))
                {
                    screen.Table(ResultTables.LossByPosition(measurement.Results));
                }
            });
            if (measurement.IsCut)
            {
                screen.Note($"warning: {maxTotalTokens.LeftOut(parse)}");
            }
            return ExitCode.Success;
        });
        return verb;
    }
}
