using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Cli.Display;
using Skipwise.Cli.Flags;
using Skipwise.Data;
using Skipwise.Distributed;
using Skipwise.Evaluation.Needles;
using Skipwise.Evaluation.Passkey;
using Skipwise.Evaluation.Perplexity;
using Skipwise.Evaluation.Results;
using Skipwise.Evaluation.Ruler;
using Skipwise.Evaluation.Tasks;
using Skipwise.Recipes;
using Skipwise.Reports.Comparing;
using Skipwise.Runtime;

namespace Skipwise.Cli.Verbs;

/// <summary><c>skipwise eval all</c></summary>
internal static class EvalAllVerb
{
    private const string DefaultFolder = "skipwise-eval";
    private static readonly EvaluateAllOptions s_default = new() { Models = [], Out = DefaultFolder };
    private static readonly NeedleOptions s_needle = s_default.Needle!;
    private static readonly RulerOptions s_ruler = new() { Lengths = [] };

    public static Verb Create(Screen screen)
    {
        var verb = new Verb("all", "Compare models: run every evaluation and write one report. Gates decide the exit code.",
            """
            skipwise eval all --model llama-2-7b --model llama-2-7b-16k --data reports.jsonl --out compared
            skipwise eval all --model llama-2-7b --model llama-2-7b-16k --data reports.jsonl --min-passkey 0.9 --max-short-ppl-increase 0.02
            skipwise eval all --model llama-2-7b,rope=yarn,rope-factor=4 --tasks-data benchmarks --ruler-samples 50 --haystack essays
            """)
        {
            RunsOnSeveralRanks = true,
        };
        Flag<string[]> models =
            verb.Texts("--model", "folder",
                "Hugging Face folders or GGUF files; give --model once for each. The others are compared with the first. RoPE and " +
                "adapter follow the folder: base,rope=yarn,rope-factor=8 (also rope-original-length, rope-theta, adapter)", required: true)
            .Sets(nameof(EvaluateAllOptions.Models)).Sets(nameof(ModelSource.Folder)).Sets(nameof(ModelSource.Adapter));
        Flag<string?> folder =
            verb.Text("--out", "folder", $"folder for results and report; an interrupted run continues there [default: {DefaultFolder}]")
            .Sets(nameof(EvaluateAllOptions.Out));
        var data = new DataFlags(verb, required: false);
        Flag<IReadOnlyList<int>> lengths =
            verb.Integers("--lengths",
                "tokens of windows and prompts, the same for every model [default: the longest window and its halves, and the first " +
                "model's original window]")
            .Sets(nameof(EvaluateAllOptions.Lengths)).Sets(nameof(PasskeyOptions.Lengths)).Sets(nameof(NeedleOptions.Lengths))
            .Sets(nameof(RulerOptions.Lengths)).Sets(nameof(PerplexityOptions.Windows));
        Flag<int> maxDocuments =
            verb.Integer("--max-documents", "perplexity: number of documents, from the first; 0 takes all",
                s_default.Perplexity.MaxDocuments ?? 0).Sets(nameof(PerplexityOptions.MaxDocuments));
        var maxTotalTokens = new TotalTokensFlag(verb, "perplexity: ", s_default.Perplexity.MaxTotalTokens);
        Flag<int> byPosition =
            verb.Integer("--position-bins",
                "perplexity: number of equal parts of the longest window for the loss by position; 0 leaves it out",
                s_default.Perplexity.PositionBins ?? 0).Sets(nameof(PerplexityOptions.PositionBins));
        Flag<string?> tasksData =
            verb.Text("--tasks-data", "folder", "benchmarks: folder with their public files, found by task and split in their paths")
            .Sets(nameof(EvaluateAllOptions.TasksData)).Sets(nameof(EvaluateTasksOptions.Data));
        var tasks = new Flag<IReadOnlyList<string>>(
            verb.Add("--tasks", "name,name,...",
                "benchmarks: task names [default: all that the folder has files for]", EvalTasksVerb.Names),
            []).Sets(nameof(EvaluateAllOptions.Tasks));
        Flag<double?> limit =
            verb.OptionalNumber("--limit",
                "benchmarks: number of questions per task, in the harness's order; below 1 a fraction [default: all]")
            .Sets(nameof(TaskOptions.Limit));
        Flag<HarnessVersion> harness = EvalTasksVerb.Harness(verb, "benchmarks: version of lm-evaluation-harness that is followed");
        Flag<int> depths =
            verb.Integer("--depths", "passkey and needle: number of depths, in equal steps from the beginning to the end", s_needle.Depths)
            .Sets(nameof(PasskeyOptions.Grid)).Sets(nameof(NeedleOptions.Depths));
        Flag<int> trials = verb.Integer("--trials", "passkey: prompts per length and depth", s_default.Passkey.Trials)
            .Sets(nameof(PasskeyOptions.Trials));
        Flag<int> needleTrials = verb.Integer("--needle-trials", "needle: prompts per length and depth; 0 skips it", s_needle.Trials)
            .Sets(nameof(NeedleOptions.Trials));
        Flag<int> rulerSamples =
            verb.Integer("--ruler-samples", "RULER: samples per task and length; 0 skips it. RULER's own number is 500", 0)
            .Sets(nameof(RulerOptions.Samples));
        Flag<string[]> haystack =
            verb.Texts("--haystack", "path",
                "needle and RULER: haystack text, files and folders of them [default: text that Skipwise generates]")
            .Sets(nameof(EvaluateAllOptions.Haystack)).Sets(nameof(EvaluateRulerOptions.Haystack));
        Flag<string?> squad = verb.Text("--squad", "file", "RULER: SQuAD's JSON file, for qa_1")
            .Sets(nameof(EvaluateAllOptions.Squad)).Sets(nameof(RulerData.Squad));
        Flag<string?> hotpot = verb.Text("--hotpot", "file", "RULER: HotpotQA's JSON file, for qa_2")
            .Sets(nameof(EvaluateAllOptions.Hotpot)).Sets(nameof(RulerData.Hotpot));
        Flag<ulong> seed = verb.Seed("seed of the hidden texts and their depths")
            .Sets(nameof(PasskeyOptions.Seed)).Sets(nameof(NeedleOptions.Seed)).Sets(nameof(RulerOptions.Seed));
        Flag<int?> batchSize = verb.OptionalInteger("--batch-size", "windows or prompts per forward pass [default: by their length]")
            .Sets(nameof(PerplexityOptions.BatchSize)).Sets(nameof(PasskeyOptions.BatchSize)).Sets(nameof(NeedleOptions.BatchSize))
            .Sets(nameof(RulerOptions.BatchSize)).Sets(nameof(TaskOptions.BatchSize));
        var compute = new ComputeFlags(verb);
        var json = new JsonFlag<IReadOnlyList<EvaluationRecord>>(verb);
        var gates = new GateFlags(verb);
        verb.OnRunWithTorch(screen, (parse, stop) =>
        {
            DataOptions documents = data.Of(parse);
            var options = new EvaluateAllOptions
            {
                Models = [.. models.ValueOf(parse).Select(ModelArgument.Parse)],
                Out = folder.ValueOf(parse) ?? DefaultFolder,
                Data = documents.Paths.Count > 0 ? documents : null,
                Lengths = lengths.ValueOf(parse),
                Perplexity = s_default.Perplexity with
                {
                    MaxDocuments = maxDocuments.ValueOf(parse) is var most and not 0 ? most : null,
                    MaxTotalTokens = maxTotalTokens.Of(parse),
                    PositionBins = byPosition.ValueOf(parse) is var parts and not 0 ? parts : null,
                    BatchSize = batchSize.ValueOf(parse),
                },
                Passkey = s_default.Passkey with
                {
                    Trials = trials.ValueOf(parse),
                    Grid = depths.ValueOf(parse),
                    Seed = seed.ValueOf(parse),
                    BatchSize = batchSize.ValueOf(parse)
                },
                Needle = needleTrials.ValueOf(parse) is var prompts and not 0
                ? s_needle with
                {
                    Trials = prompts,
                    Depths = depths.ValueOf(parse),
                    Seed = seed.ValueOf(parse),
                    BatchSize = batchSize.ValueOf(parse)
                }
                : null,
                Ruler = rulerSamples.ValueOf(parse) is var samples and not 0
                ? s_ruler with { Samples = samples, Seed = seed.ValueOf(parse), BatchSize = batchSize.ValueOf(parse) }
                : null,
                Compute = compute.Of(parse),
                TasksData = tasksData.ValueOf(parse),
                Tasks = tasks.ValueOf(parse),
                Benchmarks =
                    s_default.Benchmarks with
                    {
                        Limits = documents.Documents.Limits,
                        Limit = limit.ValueOf(parse),
                        Harness = harness.ValueOf(parse),
                        BatchSize = batchSize.ValueOf(parse)
                    },
                Haystack = haystack.ValueOf(parse),
                Documents = documents.Documents,
                Squad = squad.ValueOf(parse),
                Hotpot = hotpot.ValueOf(parse),
                EffectiveLength = gates.Rule(parse),
                Gates = gates.Of(parse),
            };
            (ICollective ranks, ComputeOptions own) = screen.Ranks.Join(screen, options.Compute);
            options = options with { Compute = own };
            DataFlags.TellUnread(options.Data?.Paths ?? [], options.Documents, screen);
            DataFlags.TellUnread(options.Haystack, options.Documents, screen);
            Comparison? comparison = ProgressDisplay.Run(screen, display =>
                EvaluateAll.Run(options,
                    new EvaluateAllProgress
                    {
                        Stage = display.Stage,
                        Job = display.Jobs,
                        Evaluation = display.Evaluation,
                        Words = screen.Flags.In,
                    }, ranks, stop));
            if (comparison is null)
            {
                return ExitCode.Success; // rank 0 tells
            }
            if (comparison.Records.Any(record => record.Settings?.ContainsKey(PerplexityMeasurement.CutSetting) == true))
            {
                screen.Note($"warning: perplexity: {maxTotalTokens.LeftOut(parse)}");
            }
            return ReportVerb.Tell(screen, parse, json, comparison, Path.Combine(options.Out, EvaluateAll.ReportName));
        });
        return verb;
    }
}
