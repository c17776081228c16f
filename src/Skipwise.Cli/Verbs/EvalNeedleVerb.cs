using System.CommandLine;
using Skipwise.Cli.Display;
using Skipwise.Cli.Flags;
using Skipwise.Distributed;
using Skipwise.Documents;
using Skipwise.Evaluation.Needles;
using Skipwise.Evaluation.Results;
using Skipwise.Recipes;
using Skipwise.Runtime;

namespace Skipwise.Cli.Verbs;

/// <summary><c>skipwise eval needle</c></summary>
internal static class EvalNeedleVerb
{
    private static readonly NeedleOptions s_default = new() { Lengths = [] };

    public static Verb Create(Screen screen)
    {
        var verb = new Verb("needle",
            "Evaluate retrieval of a sentence hidden in long text, by text length and depth of the sentence.",
            """
            skipwise eval needle --model llama-2-7b-16k --lengths 4096,8192,16384
            skipwise eval needle --model llama-2-7b-16k --haystack essays --num-distractors 3 --json needle.json
            skipwise eval needle --model llama-2-7b-16k --needle "The door code is {n}." --question "What is the door code?" --answer "{n}"
            """)
        {
            RunsOnSeveralRanks = true,
        };
        Flag<string> model = verb.Required("--model", "folder", "Hugging Face folder, ORG/NAME after 'pull', or a GGUF file")
            .Sets(nameof(EvaluateNeedleOptions.Model));
        Flag<string?> adapter = verb.Adapter();
        Flag<string[]> haystack =
            verb.Texts("--haystack", "path",
                "haystack text: files and folders of them, repeated if too short [default: text that Skipwise generates]")
            .Sets(nameof(EvaluateNeedleOptions.Haystack));
        Flag<string?> field =
            verb.Text("--text-field", "name",
                "field of the JSON lines, or column of the CSV or Parquet files, that holds the text [default: the one with a usual name]")
            .Sets(nameof(DocumentOptions.Field));
        Flag<NeedleVariant> variant =
            verb.Choice("--variant",
                "prompt template: the text as a book, or the bare text with a buffer of 200 tokens", s_default.Variant)
            .Sets(nameof(NeedleOptions.Variant));
        var needles = new NeedleFlags(verb);
        Flag<IReadOnlyList<int>> lengths =
            verb.Integers("--lengths", "tokens of the prompt and its answer [default: the model's window and its halves]")
            .Sets(nameof(NeedleOptions.Lengths));
        Flag<int> depths = verb.Integer("--depths", "number of depths, in equal steps from the beginning to the end", s_default.Depths)
            .Sets(nameof(NeedleOptions.Depths));
        Flag<int> trials = verb.Integer("--trials", "prompts per length and depth, with other numbers and distractors", s_default.Trials)
            .Sets(nameof(NeedleOptions.Trials));
        Flag<int?> buffer = verb.OptionalInteger("--buffer", "tokens of the length left unused [default: the variant's]")
            .Sets(nameof(NeedleOptions.Buffer));
        Flag<ulong> seed = verb.Seed("seed of the numbers and of the distractors' positions")
            .Sets(nameof(NeedleOptions.Seed));
        Flag<int?> batchSize =
            verb.OptionalInteger("--batch-size", "prompts per forward pass [default: as many as a 256 MB key/value cache holds]")
            .Sets(nameof(NeedleOptions.BatchSize));
        var json = new JsonFlag<IReadOnlyList<EvaluationRecord>>(verb);
        Flag<string?> saveTrials = verb.Output("--save-trials",
            "save every prompt with the scores of its answer, one JSON line each; an interrupted run continues from the file")
            .Sets(nameof(EvaluateNeedleOptions.Trials));
        var limits = new LimitFlags(verb);
        var rope = new RopeFlags(verb);
        var compute = new ComputeFlags(verb);
        verb.OnRunWithTorch(screen, (parse, stop) =>
        {
            var options = new EvaluateNeedleOptions
            {
                Model = model.ValueOf(parse),
                Adapter = adapter.ValueOf(parse),
                Rope = rope.Of(parse),
                Compute = compute.Of(parse),
                Haystack = haystack.ValueOf(parse),
                Documents = new DocumentOptions { Field = field.ValueOf(parse), Limits = limits.Of(parse) },
                Trials = saveTrials.ValueOf(parse),
                Needle = new NeedleOptions
                {
                    Lengths = lengths.ValueOf(parse),
                    Depths = depths.ValueOf(parse),
                    Trials = trials.ValueOf(parse),
                    Variant = variant.ValueOf(parse),
                    Needles = needles.Needles(parse),
                    Distractors = needles.Distractors(parse),
                    Buffer = buffer.ValueOf(parse),
                    Seed = seed.ValueOf(parse),
                    BatchSize = batchSize.ValueOf(parse),
                },
            };
            (ICollective ranks, ComputeOptions own) = screen.Ranks.Join(screen, options.Compute);
            options = options with { Compute = own };
            DataFlags.TellUnread(options.Haystack, options.Documents, screen);
            NeedleMeasurement measurement =
                ProgressDisplay.Run(screen, display => EvaluateNeedle.Run(options, display.Evaluation, display.Stage, ranks, stop));
            json.Show(parse, screen, measurement.Records, () =>
            {
                screen.Table(ResultTables.Needle(measurement.Results));
                screen.Table(ResultTables.Grid([.. measurement.Results.Select(result => (result.Length, result.Cells()))]));
            });
            return ExitCode.Success;
        });
        return verb;
    }
}
