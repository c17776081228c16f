using System.CommandLine;
using Skipwise.Cli.Display;
using Skipwise.Cli.Flags;
using Skipwise.Distributed;
using Skipwise.Evaluation.Results;
using Skipwise.Evaluation.Tasks;
using Skipwise.Recipes;
using Skipwise.Runtime;

namespace Skipwise.Cli.Verbs;

/// <summary><c>skipwise eval tasks</c></summary>
internal static class EvalTasksVerb
{
    private static readonly TaskOptions s_default = new();

    public static Verb Create(Screen screen)
    {
        var verb = new Verb("tasks", "Evaluate a model on benchmark tasks by the rules of lm-evaluation-harness.",
            """
            skipwise eval tasks --list
            skipwise eval tasks --model llama-2-7b-16k --tasks boolq,piqa,winogrande --data benchmarks --limit 100
            skipwise eval tasks --model llama-2-7b-16k --tasks arc_challenge --data benchmarks --harness 0.4 --json tasks.json
            """)
        {
            RunsOnSeveralRanks = true,
        };
        Flag<string> model = verb.Required("--model", "folder", "Hugging Face folder, ORG/NAME after 'pull', or a GGUF file")
            .Sets(nameof(EvaluateTasksOptions.Model));
        Flag<string?> adapter = verb.Adapter();
        Option<IReadOnlyList<string>> namesOption =
            verb.Add("--tasks", "name,name,...", $"task names: {string.Join(", ", TaskRegistry.Names)}", Names);
        namesOption.Required = true;
        namesOption.Completing(TaskRegistry.Names);
        var names = new Flag<IReadOnlyList<string>>(namesOption, []).Sets(nameof(EvaluateTasksOptions.Names));
        Flag<string> data =
            verb.Required("--data", "folder",
                "folder with the tasks' public files (.jsonl, .json, .csv, each also .gz or .zst; .parquet), found by task and split in " +
                "their paths").Sets(nameof(EvaluateTasksOptions.Data));
        Flag<double?> limit =
            verb.OptionalNumber("--limit", "number of questions per task, in the harness's order; below 1 a fraction [default: all]")
            .Sets(nameof(TaskOptions.Limit));
        Flag<int?> shots =
            verb.OptionalInteger("--num-fewshot",
                "number of few-shot examples [default: 25 for arc_challenge, 10 for hellaswag, else 0]")
            .Sets(nameof(TaskOptions.NumFewshot));
        Flag<HarnessVersion> harness = Harness(verb, "version whose document order, few-shot draws and rules are followed");
        Flag<BosMode> bos =
            verb.Choice("--bos", "add a BOS token before every text: never, if the tokenizer adds one, or always", s_default.Bos)
            .Sets(nameof(TaskOptions.Bos));
        Flag<int?> maxLength =
            verb.OptionalInteger("--max-length",
                "maximum tokens of a text; longer texts are cut from the left [default: the model's window]")
            .Sets(nameof(TaskOptions.MaxLength));
        Flag<int?> batchSize = verb.OptionalInteger("--batch-size", "texts per forward pass [default: by their length]")
            .Sets(nameof(TaskOptions.BatchSize));
        Flag<int> resamples =
            verb.Integer("--bootstrap-iters", "bootstrap iterations for the standard error of lambada's perplexity",
                s_default.BootstrapIters).Sets(nameof(TaskOptions.BootstrapIters));
        var json = new JsonFlag<IReadOnlyList<EvaluationRecord>>(verb);
        Flag<string?> cache = verb.Output("--cache",
            "file that keeps every score; an interrupted run continues from it [default: the --json file with the extension "
            + ".scores.jsonl]").Sets(nameof(EvaluateTasksOptions.Cache));
        verb.Options.Add(new Option<bool>("--list")
        {
            Description = "list the tasks, their metrics and default few-shot examples; no other option is needed",
            Arity = ArgumentArity.Zero,
            Action = new TaskList(screen),
        });
        var limits = new LimitFlags(verb);
        var rope = new RopeFlags(verb);
        var compute = new ComputeFlags(verb);
        verb.OnRunWithTorch(screen, (parse, stop) =>
        {
            string? path = json.File(parse);
            var options = new EvaluateTasksOptions
            {
                Model = model.ValueOf(parse),
                Data = data.ValueOf(parse),
                Names = names.ValueOf(parse),
                Rope = rope.Of(parse),
                Compute = compute.Of(parse),
                Adapter = adapter.ValueOf(parse),
                Cache = cache.ValueOf(parse) ?? (path is null ? null : Path.ChangeExtension(path, ".scores.jsonl")),
                Tasks = new TaskOptions
                {
                    Harness = harness.ValueOf(parse),
                    NumFewshot = shots.ValueOf(parse),
                    Limit = limit.ValueOf(parse),
                    Bos = bos.ValueOf(parse),
                    MaxLength = maxLength.ValueOf(parse),
                    BatchSize = batchSize.ValueOf(parse),
                    BootstrapIters = resamples.ValueOf(parse),
                    Limits = limits.Of(parse),
                },
            };
            (ICollective ranks, ComputeOptions own) = screen.Ranks.Join(screen, options.Compute);
            options = options with { Compute = own };
            TaskMeasurement measurement;
            try
            {
                measurement = ProgressDisplay.Run(screen, display =>
                    EvaluateTasks.Run(options, display.Evaluation, display.Stage, ranks, stop));
            }
            catch (OperationCanceledException) when (options.Cache is { } file && File.Exists(file))
            {
                screen.Note($"scores so far are in {file}; the same command continues");
                throw;
            }
            json.Show(parse, screen, measurement.Records, () => screen.Table(ResultTables.Tasks(measurement.Results)));
            foreach (string remark in Remarks(measurement.Results))
            {
                screen.Note($"warning: {remark}");
            }
            return ExitCode.Success;
        });
        return verb;
    }

    /// <summary>Which version of lm-evaluation-harness is followed.</summary>
    internal static Flag<HarnessVersion> Harness(Command command, string description)
    {
        Option<HarnessVersion> option = command.Add("--harness", "2023|0.4", $"{description} [default: 2023]", ParseHarness, "2023");
        option.Completing("2023", "0.4");
        return new Flag<HarnessVersion>(option, s_default.Harness).Sets(nameof(TaskOptions.Harness));
    }

    /// <summary>If a number is not what its name promises, the user has to know.</summary>
    private static IEnumerable<string> Remarks(IReadOnlyList<TaskResult> results)
    {
        foreach (TaskResult task in results.DistinctBy(result => result.Task))
        {
            if (task.ShotSplit is { } split and not "train")
            {
                yield return $"{task.Task}: no train split was found; the {task.Shots} few-shot examples per question come from the " +
                    $"{split} split";
            }
            if (task.CutContinuations > 0)
            {
                yield return $"{task.Task}: {task.CutContinuations} choices are longer than {task.Window} tokens; only their last " +
                    $"{task.Window} are scored";
            }
        }
    }

    internal static IReadOnlyList<string> Names(string text)
    {
        string[] names = text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        foreach (string name in names.Where(name => !TaskRegistry.Names.Contains(name)))
        {
            throw new FormatException(
                $"unknown task '{name}'; known are " +
                $"{string.Join(", ", TaskRegistry.Names)}.{Suggestion.DidYouMean(name, TaskRegistry.Names)}");
        }
        return names.Length > 0 ? names : throw new FormatException("expected names of tasks with commas between them.");
    }

    internal static HarnessVersion ParseHarness(string text) => text switch
    {
        "2023" => HarnessVersion.V2023,
        "0.4" => HarnessVersion.V04,
        _ => throw new FormatException("expected 2023 or 0.4."),
    };
}
