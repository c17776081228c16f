using System.Globalization;
using Skipwise.Checkpoints;
using Skipwise.Evaluation;
using Skipwise.Models;
using Skipwise.Reports;
using Skipwise.Reports.Comparing;
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
        var parts = new List<(string Model, string Key, SuiteMeasurement Part)>();
        for (int i = 0; i < names.Length; i++)
        {
            progress.Stage?.Report($"reading {options.Models[i]}");
            ComparedModel model = Describe(options.Models[i], names[i]);
            (string Key, SuiteMeasurement Part)[] own = [.. tasks.SelectMany(task => task.Parts(options, options.Models[i], lengths).Select(part => (ResultsStore.Key(task.Name, model.Fingerprint + model.Tokenizer, part.Settings), part)))];
            models.Add(model with { Measurements = [.. own.Select(part => part.Key)] });
            parts.AddRange(own.Select(part => (names[i], part.Key, part.Part)));
            cancel.ThrowIfCancellationRequested();
        }
        store.WritePlan(new ComparisonPlan
        {
            Models = models,
            Skipped = [.. SuiteTask.All.Except(tasks).Select(task => new SkippedTask(task.Name, task.Missing(options)!))],
            EffectiveLength = options.EffectiveLength,
            Gates = options.Gates,
        });
        foreach ((string model, string key, SuiteMeasurement part) in parts)
        {
            bool isKept = store.Find(key).Count > 0;
            progress.Stage?.Report($"{model}: {part.Words}{(isKept ? ": kept from an earlier run" : "")}");
            if (!isKept)
            {
                store.Add(key, part.Settings, part.Run(store.TrialsPath(key), progress.Evaluation, cancel));
            }
        }
        return RenderReport.Run([options.Out], Path.Combine(options.Out, ReportName));
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
