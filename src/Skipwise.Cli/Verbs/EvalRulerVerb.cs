using Skipwise.Cli.Display;
using Skipwise.Cli.Flags;
using Skipwise.Distributed;
using Skipwise.Documents;
using Skipwise.Evaluation.Results;
using Skipwise.Evaluation.Ruler;
using Skipwise.Recipes;
using Skipwise.Runtime;

namespace Skipwise.Cli.Verbs;

/// <summary><c>skipwise eval ruler</c></summary>
internal static class EvalRulerVerb
{
    private static readonly RulerOptions s_default = new() { Lengths = [] };

    public static Verb Create(Screen screen)
    {
        var verb = new Verb("ruler",
            "Run RULER's thirteen tasks (retrieval, tracing, aggregation, questions) by length, and state the effective length.",
            """
            skipwise eval ruler --model llama-2-7b-16k --lengths 4096,8192,16384 --samples 50
            skipwise eval ruler --model llama-2-7b-16k --tasks niah_single_1,vt,cwe --json ruler.json
            skipwise eval ruler --model llama-2-7b-16k --haystack essays --squad dev-v2.0.json --hotpot hotpot_dev_distractor_v1.json
            """)
        {
            RunsOnSeveralRanks = true,
        };
        Flag<string> model = verb.Required("--model", "folder", "Hugging Face folder, ORG/NAME after 'pull', or a GGUF file")
            .Sets(nameof(EvaluateRulerOptions.Model));
        Flag<string?> adapter = verb.Adapter();
        Flag<string?> tasks =
            verb.Text("--tasks", "all|name,name",
                $"task names [default: all for which there are files]: {string.Join(", ", RulerTask.All.Select(task => task.Name))}")
            .Sets(nameof(RulerOptions.Tasks));
        Flag<IReadOnlyList<int>> lengths =
            verb.Integers("--lengths", "tokens of the prompt and its answer [default: the model's window and its halves]")
            .Sets(nameof(RulerOptions.Lengths));
        Flag<int> samples = verb.Integer("--samples", "samples per task and length", s_default.Samples)
            .Sets(nameof(RulerOptions.Samples));
        Flag<string[]> haystack =
            verb.Texts("--haystack", "path",
                "text for the tasks with essays: files and folders of them, repeated if too short [default: text that Skipwise generates]")
            .Sets(nameof(EvaluateRulerOptions.Haystack));
        Flag<string?> field =
            verb.Text("--text-field", "name",
                "field of the JSON lines, or column of the CSV or Parquet files, that holds the text [default: the one with a usual name]")
            .Sets(nameof(DocumentOptions.Field));
        Flag<string?> squad = verb.Text("--squad", "file", "SQuAD's JSON file, for qa_1")
            .Sets(nameof(EvaluateRulerOptions.Squad)).Sets(nameof(RulerData.Squad));
        Flag<string?> hotpot = verb.Text("--hotpot", "file", "HotpotQA's JSON file, for qa_2")
            .Sets(nameof(EvaluateRulerOptions.Hotpot)).Sets(nameof(RulerData.Hotpot));
        Flag<double> threshold =
            verb.Number("--threshold",
                "threshold of the effective length: its average over the tasks, in percent, is larger", s_default.Threshold)
            .Sets(nameof(RulerOptions.Threshold));
        Flag<ulong> seed = verb.Seed("seed of the samples").Sets(nameof(RulerOptions.Seed));
        Flag<int?> batchSize =
            verb.OptionalInteger("--batch-size", "prompts per forward pass [default: as many as a 256 MB key/value cache holds]")
            .Sets(nameof(RulerOptions.BatchSize));
        var json = new JsonFlag<IReadOnlyList<EvaluationRecord>>(verb);
        Flag<string?> saveTrials = verb.Output("--save-trials",
            "save every prompt with its response, one JSON line each; an interrupted run continues from the file")
            .Sets(nameof(EvaluateRulerOptions.Trials));
        var limits = new LimitFlags(verb);
        var rope = new RopeFlags(verb);
        var compute = new ComputeFlags(verb);
        verb.OnRunWithTorch(screen, (parse, stop) =>
        {
            var options = new EvaluateRulerOptions
            {
                Model = model.ValueOf(parse),
                Adapter = adapter.ValueOf(parse),
                Rope = rope.Of(parse),
                Compute = compute.Of(parse),
                Haystack = haystack.ValueOf(parse),
                Documents = new DocumentOptions { Field = field.ValueOf(parse), Limits = limits.Of(parse) },
                Squad = squad.ValueOf(parse),
                Hotpot = hotpot.ValueOf(parse),
                Trials = saveTrials.ValueOf(parse),
                Ruler = new RulerOptions
                {
                    Tasks = tasks.ValueOf(parse) is { } names and not "all" ? names.Split(',', StringSplitOptions.TrimEntries) : [],
                    Lengths = lengths.ValueOf(parse),
                    Samples = samples.ValueOf(parse),
                    Threshold = threshold.ValueOf(parse),
                    Seed = seed.ValueOf(parse),
                    BatchSize = batchSize.ValueOf(parse),
                },
            };
            (ICollective ranks, ComputeOptions own) = screen.Ranks.Join(screen, options.Compute);
            options = options with { Compute = own };
            DataFlags.TellUnread(options.Haystack, options.Documents, screen);
            RulerMeasurement measurement =
                ProgressDisplay.Run(screen, display => EvaluateRuler.Run(options, display.Evaluation, display.Stage, ranks, stop));
            json.Show(parse, screen, measurement.Records, () =>
            {
                screen.Table(ResultTables.Ruler(measurement.Summary));
                screen.Line(EffectiveLength(measurement.Summary));
            });
            return ExitCode.Success;
        });
        return verb;
    }

    private static string EffectiveLength(RulerSummary summary)
    {
        string over = summary.Averages[0].Tasks < RulerTask.All.Count
            ? $" (over {summary.Averages[0].Tasks} of RULER's {RulerTask.All.Count} tasks)"
            : "";
        return summary.EffectiveLength is { } length
            ? $"effective length: {length} tokens, the longest with an average above {summary.Options.Threshold:0.##}{over}"
            : $"effective length: none of these, no average is above {summary.Options.Threshold:0.##}{over}";
    }
}
