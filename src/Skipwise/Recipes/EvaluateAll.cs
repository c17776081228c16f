using System.Globalization;
using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Checkpoints.Peft;
using Skipwise.Distributed;
using Skipwise.Evaluation.Results;
using Skipwise.Models;
using Skipwise.Reports;
using Skipwise.Reports.Comparing;
using Skipwise.Rope;
using Skipwise.Runs;
using Skipwise.Storage;
using Skipwise.Tokenizers;

namespace Skipwise.Recipes;

/// <summary>Compares models: runs every evaluation that the inputs allow, stores each job when it is done, and writes a report.</summary>
internal static class EvaluateAll
{
    public const string ReportName = "report.html";

    /// <summary>Runs the evaluations that the folder does not hold yet, and writes the report.</summary>
    /// <param name="collective">the ranks that evaluate together, all by this call; rank 0 has the folder. Null: this process alone</param>
    /// <returns>null on the other ranks</returns>
    /// <exception cref="SkipwiseException">a model or text that cannot be read, or an impossible setting</exception>
    /// <exception cref="OperationCanceledException">stopped; finished jobs are stored, and the same call continues</exception>
    public static Comparison? Run(EvaluateAllOptions options, EvaluateAllProgress progress, ICollective? collective = null,
        CancellationToken cancel = default)
    {
        OptionCheck.Require("Evaluation", options);
        ICollective ranks = collective ?? SingleProcess.Instance;
        RankAgreement.RequireOptions(ranks, options);
        bool isFirst = ranks.Rank == 0;
        // The headers of all models are read before the first evaluation, so that errors of the last one are reported early.
        DecoderConfig[] configs = [.. options.Models.Select(Looked)];
        IReadOnlyList<int> lengths = options.Lengths.Count > 0 ? [.. options.Lengths.Distinct().Order()] : Lengths(configs);
        ComparisonTask[] tasks = [.. ComparisonTask.All.Where(task => task.SkipReason(options) is null)];
        (ComparisonTask Task, ComparisonJob[] Parts)[] measurements = [.. tasks.Select(task => (task, Parts(task, options, lengths)))];
        if (isFirst)
        {
            ReportFiles.RequireReplaceable(Path.Combine(options.Out, ReportName));
        }
        using FolderClaim? claim = isFirst ? FolderClaim.Acquire(options.Out, OptionName.Of(nameof(EvaluateAllOptions.Out))) : null;
        ResultsStore? store = isFirst ? ResultsStore.Open(options.Out) : null;

        var plan = new ComparisonPlan
        {
            Models = [],
            Skipped = [.. ComparisonTask.All.Except(tasks).Select(task => new SkippedTask(task.Name, task.SkipReason(options)!))],
            EffectiveLength = options.EffectiveLength,
            Gates = options.Gates,
        };
        (string, int)[] each = [.. measurements.SelectMany(own => own.Parts.Select(part => (own.Task.Name, part.Size)))];
        var jobs = new JobProgress(progress.Job, [.. options.Models.SelectMany(_ => each)]);
        foreach ((ModelSource source, string name) in options.Models.Zip(Names(options.Models)))
        {
            cancel.ThrowIfCancellationRequested();
            progress.Stage?.Report($"reading {name}");
            using var model = new EvaluatedModel(source, options.Compute, progress.Stage, ranks);
            _ = model.Compared(cancel);
            ComparedModel described = Describe(model, name);
            var work = measurements.Select(own => (own.Task, Parts: Keyed(own.Task, Hexadecimal(model.Identity), own.Parts))).ToList();
            plan = plan with
            {
                Models =
                [.. plan.Models, described with { Measurements = [.. work.SelectMany(own => own.Parts).Select(part => part.Key)] }]
            };
            store?.WritePlan(plan); // a report of an interrupted run shows the models up to there
            SkippedTask[] impossible =
            [
                .. work.SelectMany(own =>
                    Measure(store, model, name, own.Parts, own.Task.ContinuesOnError(options), jobs, progress, cancel)),
            ];
            plan = plan with { Skipped = [.. plan.Skipped.Union(impossible)] };
        }
        store?.WritePlan(plan);
        return isFirst ? RenderReport.Run([options.Out], Path.Combine(options.Out, ReportName), progress.Words) : null;
    }

    private static DecoderConfig Looked(ModelSource source)
    {
        if (source.Adapter is { } adapter)
        {
            LoraAdapter.Read(adapter).Dispose();
        }
        return InspectModel.Describe(source).Model;
    }

    private static ComparisonJob[] Parts(ComparisonTask task, EvaluateAllOptions options, IReadOnlyList<int> lengths)
    {
        ComparisonJob[] parts = [.. task.Jobs(options, lengths)];
        foreach (ComparisonJob part in options.Compute.IsReducedPrecision ? parts : [])
        {
            part.Settings["compute"] = $"{options.Compute.Dtype}{(options.Compute.Tf32 ? " tf32" : "")}".ToLowerInvariant();
        }
        return parts;
    }

    private static IReadOnlyList<(string Key, ComparisonJob Part)> Keyed(ComparisonTask task, string model,
        IEnumerable<ComparisonJob> parts) =>
        [.. parts.Select(part => (ResultsStore.Key(task.Name, model, part.Settings), part))];

    /// <summary>Runs the jobs that the store does not hold yet.</summary>
    /// <returns>jobs that cannot run, such as a prompt that does not fit its length; if that is true of all, it is an error</returns>
    private static List<SkippedTask> Measure(
        ResultsStore? store, EvaluatedModel model, string name, IReadOnlyList<(string Key, ComparisonJob Part)> parts, bool partsMayFail,
        JobProgress jobs, EvaluateAllProgress progress, CancellationToken cancel)
    {
        var impossible = new List<SkippedTask>();
        foreach ((string key, ComparisonJob part) in parts)
        {
            cancel.ThrowIfCancellationRequested();
            bool isKept = model.Ranks.FromFirst(() => store!.Find(key).Count > 0);
            jobs.Begin(isKept);
            progress.Stage?.Report($"{name}: {part.Description}{(isKept ? ": kept from an earlier run" : "")}");
            if (isKept)
            {
                continue;
            }
            try
            {
                IReadOnlyList<EvaluationRecord> records = part.Run(model, store?.TrialsPath(key), progress.Evaluation, cancel);
                store?.Add(key, part.Settings, records);
            }
            catch (SkipwiseException e) when (partsMayFail && impossible.Count + 1 < parts.Count)
            {
                impossible.Add(new(part.Description, e.Message.TrimEnd('.')));
            }
        }
        return impossible;
    }

    /// <summary>The longest window of all models and its halves, and the first model's original window.</summary>
    private static IReadOnlyList<int> Lengths(DecoderConfig[] models) =>
        [.. DefaultLengths.For(models.MaxBy(model => model.MaxPositionEmbeddings)!).Append(ContextExtension.OriginalLength(models[0]))
            .Distinct().Order()];

    /// <summary>A folder's last name, if that distinguishes the models; else its path. Adapter and RoPE overrides follow.</summary>
    private static string[] Names(IReadOnlyList<ModelSource> models)
    {
        IReadOnlyList<string>[] possible = [.. models.Select(NamesOf)];
        string[] names =
            [.. possible.Select(own => own[possible.Count(other => other[0] == own[0]) > 1 ? 1 : 0])];
        return names.GroupBy(name => name).FirstOrDefault(name => name.Count() > 1) is { } twice
            ? throw new SkipwiseException($"{OptionName.Of(nameof(EvaluateAllOptions.Models))} {twice.Key}: given twice. A model is " +
                $"compared with others, not with itself.")
            : names;
    }

    /// <summary>What a model may be called: by its last name, and, where another one has it too, by its path.</summary>
    public static IReadOnlyList<string> NamesOf(ModelSource model)
    {
        return [ExportModel.NameOf(model.Folder) + Said(model, ExportModel.NameOf), model.Folder + Said(model, folder => folder)];
    }

    private static string Said(ModelSource model, Func<string, string> folder)
    {
        RopeOverrides rope = model.Rope ?? new();
        string[] words =
        [
            .. rope.Type is { } type ? [RopeTypeNames.NameOf(type)] : (string[])[],
            .. rope.Factor is { } factor ? [string.Create(CultureInfo.InvariantCulture, $"x{factor}")] : (string[])[],
            .. rope.OriginalLength is { } original ? [$"of {original}"] : (string[])[],
            .. rope.Theta is { } theta ? [string.Create(CultureInfo.InvariantCulture, $"theta {theta}")] : (string[])[],
        ];
        return (model.Adapter is { } adapter ? $" + {folder(adapter)}" : "") + (words.Length > 0 ? $" ({string.Join(' ', words)})" : "");
    }

    private static ComparedModel Describe(EvaluatedModel model, string name) => new()
    {
        Name = name,
        Fingerprint = Hexadecimal(model.Fingerprint),
        Tokenizer = Hexadecimal(TokenizerFingerprint.Compute(model.Tokenizer)),
        Window = model.Config.MaxPositionEmbeddings,
        OriginalWindow = ContextExtension.OriginalLength(model.Config),
        Parameters = model.Model.parameters().Sum(parameter => parameter.numel()),
        Rope = ContextExtension.Describe(model.Config.Rope),
        Measurements = [],
    };

    private static string Hexadecimal(ulong number) => number.ToString("x16", CultureInfo.InvariantCulture);
}
