using System.Globalization;
using Skipwise.Checkpoints;
using Skipwise.Evaluation;
using Skipwise.Models;
using Skipwise.Reports;
using Skipwise.Reports.Comparing;
using Skipwise.Runtime;
using Skipwise.Text;

namespace Skipwise.Recipes;

/// <summary>Measures models side by side: everything that the inputs allow, each part kept as it is done, and a report of all of it.</summary>
public static class EvaluateAll
{
    public const string ReportName = "report.html";

    /// <summary>Measures what the folder does not hold yet, and writes the report.</summary>
    /// <exception cref="SkipwiseException">a model or text that cannot be read, or an impossible setting</exception>
    /// <exception cref="OperationCanceledException">stopped; what was finished is kept, and the same call continues</exception>
    public static Comparison Run(EvaluateAllOptions options, EvaluateAllProgress progress, CancellationToken cancel = default)
    {
        DecoderConfig[] configs = [.. options.Models.Select(model => InspectModel.Config(model).Model)];
        IReadOnlyList<int> lengths = options.Lengths.Count > 0 ? [.. options.Lengths.Distinct().Order()] : Lengths(configs);
        SuiteTask[] tasks = [.. SuiteTask.All.Where(task => task.Missing(options) is null)];
        var store = ResultsStore.Open(options.Out);
        string[] names = Names(options.Models);

        var models = new List<ComparedModel>();
        var work = new List<(string Model, SuiteTask Task, IReadOnlyList<(string Key, SuiteMeasurement Part)> Parts)>();
        for (int i = 0; i < names.Length; i++)
        {
            cancel.ThrowIfCancellationRequested();
            progress.Stage?.Report($"reading {options.Models[i]}");
            ComparedModel model = Describe(options.Models[i], names[i]);
            int first = work.Count;
            work.AddRange(tasks.Select(task => (names[i], task, Keyed(task, model, task.Parts(options, options.Models[i], lengths), options.Compute))));
            models.Add(model with { Measurements = [.. work.Skip(first).SelectMany(own => own.Parts).Select(part => part.Key)] });
        }
        var plan = new ComparisonPlan
        {
            Models = models,
            Skipped = [.. SuiteTask.All.Except(tasks).Select(task => new SkippedTask(task.Name, task.Missing(options)!))],
            EffectiveLength = options.EffectiveLength,
            Gates = options.Gates,
        };
        store.WritePlan(plan);
        SkippedTask[] impossible = [.. work.SelectMany(own => Measure(store, own.Model, own.Parts, own.Task.PartsMayFail(options), progress, cancel)).Distinct()];
        store.WritePlan(plan with { Skipped = [.. plan.Skipped, .. impossible] });
        return RenderReport.Run([options.Out], Path.Combine(options.Out, ReportName));
    }

    private static IReadOnlyList<(string Key, SuiteMeasurement Part)> Keyed(SuiteTask task, ComparedModel model, IEnumerable<SuiteMeasurement> parts, ComputeOptions compute)
    {
        SuiteMeasurement[] all = [.. parts];
        foreach (SuiteMeasurement part in compute.Rounds ? all : [])
        {
            part.Settings["compute"] = $"{compute.Dtype}{(compute.Tf32 ? " tf32" : "")}".ToLowerInvariant();
        }
        return [.. all.Select(part => (ResultsStore.Key(task.Name, model.Fingerprint + model.Tokenizer, part.Settings), part))];
    }

    /// <summary>Measures what the store does not hold yet.</summary>
    /// <returns>the parts that cannot be measured, such as a prompt in too short a length; if that is true of all, it is an error</returns>
    private static List<SkippedTask> Measure(
        ResultsStore store, string model, IReadOnlyList<(string Key, SuiteMeasurement Part)> parts, bool partsMayFail, EvaluateAllProgress progress, CancellationToken cancel)
    {
        var impossible = new List<SkippedTask>();
        foreach ((string key, SuiteMeasurement part) in parts)
        {
            cancel.ThrowIfCancellationRequested();
            bool isKept = store.Find(key).Count > 0;
            progress.Stage?.Report($"{model}: {part.Words}{(isKept ? ": kept from an earlier run" : "")}");
            if (isKept)
            {
                continue;
            }
            try
            {
                store.Add(key, part.Settings, part.Run(store.TrialsPath(key), progress.Evaluation, cancel));
            }
            catch (SkipwiseException e) when (partsMayFail && impossible.Count + 1 < parts.Count)
            {
                impossible.Add(new(part.Words, e.Message.TrimEnd('.')));
            }
        }
        return impossible;
    }

    /// <summary>The longest window of all and its halves, and the first model's original window.</summary>
    private static IReadOnlyList<int> Lengths(DecoderConfig[] models) =>
        [.. ModelLengths.Of(models.MaxBy(model => model.MaxPositionEmbeddings)!).Append(ContextExtension.OriginalLength(models[0])).Distinct().Order()];

    /// <summary>A folder's last name, where it tells the models apart; else its path.</summary>
    private static string[] Names(IReadOnlyList<string> folders)
    {
        string[] last = [.. folders.Select(folder => Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder))))];
        string[] names = [.. folders.Select((folder, i) => last.Count(name => name == last[i]) > 1 ? folder : last[i])];
        return names.GroupBy(name => name).FirstOrDefault(name => name.Count() > 1) is { } twice
            ? throw new SkipwiseException($"--model {twice.Key}: given twice. A model is compared with others, not with itself.")
            : names;
    }

    private static ComparedModel Describe(string folder, string name)
    {
        using Pretrained pretrained = Pretrained.Load(new ModelSource(folder));
        CausalLM model = pretrained.Model;
        return new()
        {
            Name = name,
            Fingerprint = Hexadecimal(ModelFingerprint.Of(model)),
            Tokenizer = Hexadecimal(TokenizerFingerprint.Of(Tokenizers.Load(folder))),
            Window = model.Config.MaxPositionEmbeddings,
            OriginalWindow = ContextExtension.OriginalLength(model.Config),
            Parameters = model.parameters().Sum(parameter => parameter.numel()),
            Rope = ContextExtension.Describe(model.Config.Rope),
            Measurements = [],
        };
    }

    private static string Hexadecimal(ulong number) => number.ToString("x16", CultureInfo.InvariantCulture);
}
