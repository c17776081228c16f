using System.Text.Json.Nodes;
using Skipwise.Evaluation.Results;

namespace Skipwise.Reports.Comparing;

/// <summary>
/// Models and all their numbers, side by side. Made from results alone, so it needs no model. Every number, measured or derived, is an
/// <see cref="EvaluationRecord"/> with its line in <see cref="Lines"/>.
/// </summary>
public sealed class Comparison
{
    private readonly Dictionary<string, List<EvaluationRecord>> _byModel = [];
    private readonly Dictionary<EvaluationRecord, int> _lines = new(ReferenceEqualityComparer.Instance);
    private readonly List<string> _text = [];

    /// <param name="plan">whose models have unique names</param>
    /// <param name="measured">each model's records, in the order of the plan's models</param>
    public Comparison(ComparisonPlan plan, IReadOnlyList<IReadOnlyList<EvaluationRecord>> measured)
    {
        Plan = plan;
        foreach ((ComparedModel model, IReadOnlyList<EvaluationRecord> records) in plan.Models.Zip(measured))
        {
            _byModel[model.Name] = [.. records.Select(record => Number(record with { Model = model.Name }))];
        }
        foreach (ComparedModel model in plan.Models)
        {
            Derive(model);
        }
    }

    /// <summary>What several folders hold, in one comparison. The first folder's first model is what the others are compared
    /// with.</summary>
    /// <exception cref="SkipwiseException">a folder is missing or broken</exception>
    public static Comparison Load(IReadOnlyList<string> folders)
    {
        var models = new List<(ComparedModel Model, IReadOnlyList<EvaluationRecord> Records)>();
        var plans = new List<ComparisonPlan>();
        foreach (string folder in folders)
        {
            ResultsStore store = ResultsStore.OpenExisting(folder);
            plans.Add(store.ReadPlan());
            foreach (ComparedModel model in plans[^1].Models)
            {
                IReadOnlyList<EvaluationRecord> records = [.. model.Measurements.SelectMany(store.FindWithSamples)];
                // The same model measured twice is shown twice: which of the two runs is the right one is not ours to say.
                string name = models.Any(other => other.Model.Name == model.Name) ? $"{model.Name} ({folder})" : model.Name;
                models.Add((model with { Name = name }, records));
            }
        }
        ComparisonPlan whole = plans[0] with
        {
            Models = [.. models.Select(model => model.Model)],
            Skipped = [.. plans.SelectMany(plan => plan.Skipped)
                .Where(skipped => !models.SelectMany(model => model.Records).Any(record => record.Task == skipped.Task)).Distinct()],
        };
        return new(whole, [.. models.Select(model => model.Records)]);
    }

    public ComparisonPlan Plan { get; }

    public IReadOnlyList<ComparedModel> Models => Plan.Models;

    /// <summary>What the others are compared with.</summary>
    public ComparedModel Reference => Models[0];

    /// <summary>tokens: the window that the short-window cost is measured at</summary>
    public int OriginalWindow => Reference.OriginalWindow;

    public bool TokenizersDiffer => Models.Select(model => model.Tokenizer).Distinct().Count() > 1;

    /// <summary>All numbers as JSON lines; a record's line is <see cref="Line"/>.</summary>
    public IReadOnlyList<string> Lines => _text;

    /// <summary>All numbers, measured and derived.</summary>
    public IReadOnlyList<EvaluationRecord> Records => [.. Models.SelectMany(RecordsOf)];

    /// <summary>Where a record stands among the lines, from 1.</summary>
    public int Line(EvaluationRecord record) => _lines[record];

    /// <summary>The numbers of a model, measured and derived.</summary>
    public IReadOnlyList<EvaluationRecord> RecordsOf(ComparedModel model) => _byModel[model.Name];

    public EvaluationRecord? Find(ComparedModel model, string task, string metric, int? length = null) =>
        RecordsOf(model).FirstOrDefault(record => record.Task == task && record.Metric == metric && record.Length == length);

    /// <summary>A metric at every measured length, rising.</summary>
    public IReadOnlyList<EvaluationRecord> ByLength(ComparedModel model, string task, string metric) =>
        [.. RecordsOf(model).Where(record => record.Task == task && record.Metric == metric && record.Length is not null)
            .OrderBy(record => record.Length)];

    /// <summary>null if no retrieval was measured</summary>
    public EffectiveLength? EffectiveLength(ComparedModel model) =>
        Skipwise.Reports.Comparing.EffectiveLength.Compute(RecordsOf(model), Plan.EffectiveLength, OriginalWindow);

    /// <summary>Against the reference; null if it was not measured for both.</summary>
    public ShortCost? ShortPerplexity(ComparedModel model)
    {
        if (Find(model, "perplexity", "perplexity", OriginalWindow) is not { } own
            || Find(Reference, "perplexity", "perplexity", OriginalWindow) is not { } reference)
        {
            return null;
        }
        return new(own, reference, Change.Relative(own, reference, AreAskedTheSame(own, reference)));
    }

    /// <summary>The benchmarks' numbers. Their length is the model's own window, so they are found by task and metric alone.</summary>
    public IEnumerable<EvaluationRecord> Benchmarks(ComparedModel model) => RecordsOf(model).Where(IsBenchmark);

    public EvaluationRecord? Benchmark(ComparedModel model, string task, string metric) =>
        Benchmarks(model).FirstOrDefault(record => record.Task == task && record.Metric == metric);

    /// <summary>Each benchmark's number less the reference's.</summary>
    public IEnumerable<EvaluationRecord> BenchmarkChanges(ComparedModel model) =>
        Benchmarks(model).Select(own => ChangeOf(model, own)).OfType<EvaluationRecord>();

    /// <summary>The record of a number's change against the reference; null if there is none.</summary>
    public EvaluationRecord? ChangeOf(ComparedModel model, EvaluationRecord own) =>
        Find(model, own.Task, ChangedMetric(own), IsBenchmark(own) ? null : own.Length);

    /// <summary>Only benchmarks have shots.</summary>
    internal static bool IsBenchmark(EvaluationRecord record) => record.Settings?["shots"] is not null;

    internal static bool IsLossByPosition(EvaluationRecord record) => record.Positions is not null;

    /// <summary>Tasks of which not every model was measured with the same settings.</summary>
    public IReadOnlyList<string> UnevenTasks() =>
    [
        .. Models.SelectMany(RecordsOf).Where(IsMeasured)
            .GroupBy(record => (record.Task, record.Metric, record.Length, Depth: record.Settings!["depth"]?.ToJsonString()))
            .Where(same => same.Select(record => Comparable(record.Settings!)).Distinct().Count() > 1)
            .Select(same => same.Key.Task).Distinct(),
    ];

    /// <summary>Settings that follow from the model, or change nothing.</summary>
    private static readonly string[] s_own = [ResultsStore.KeySetting, "batch_size", "max_length", "cut_texts", "cut_continuations"];

    private static string Comparable(JsonObject settings)
    {
        JsonObject copy = settings.DeepClone().AsObject();
        foreach (string own in s_own)
        {
            copy.Remove(own);
        }
        return copy.ToJsonString();
    }

    private static bool AreAskedTheSame(EvaluationRecord own, EvaluationRecord reference) =>
        own.Settings is not null && reference.Settings is not null && Comparable(own.Settings) == Comparable(reference.Settings);

    /// <summary>A perplexity changes by a share, everything else by a difference.</summary>
    private static string ChangedMetric(EvaluationRecord record) => IsPerplexityByWindow(record) ? "increase" : $"{record.Metric}_change";

    private static bool IsPerplexityByWindow(EvaluationRecord record) => record is { Task: "perplexity", Metric: "perplexity" };

    private EvaluationRecord Number(EvaluationRecord record)
    {
        _text.Add(EvaluationJson.ToJsonLine(record));
        _lines[record] = _text.Count;
        return record;
    }

    /// <summary>What follows from the measured numbers, each as a record of its own.</summary>
    private void Derive(ComparedModel model)
    {
        List<EvaluationRecord> own = _byModel[model.Name];
        EvaluationRecord[] derived =
        [
            .. EffectiveLength(model) is { } length
            ? [Derived("effective_length", "tokens", length.Tokens, null,
                new JsonObject { ["min_passkey"] = Plan.EffectiveLength.MinPasskey, ["min_ruler"] = Plan.EffectiveLength.MinRuler,
                    ["longest"] = length.Longest }) with { Interval = [length.Low, length.High] }]
            : (EvaluationRecord[])[],
            .. model == Reference ? [] : Changes(model),
        ];
        own.AddRange(derived.Select(record => Number(record with { Model = model.Name })));
    }

    private IEnumerable<EvaluationRecord> Changes(ComparedModel model)
    {
        foreach (EvaluationRecord own in RecordsOf(model).Where(HasChange).ToArray())
        {
            if ((IsBenchmark(own)
                ? Benchmark(Reference, own.Task, own.Metric)
                : Find(Reference, own.Task, own.Metric, own.Length)) is { } reference)
            {
                bool same = AreAskedTheSame(own, reference);
                Change change = IsPerplexityByWindow(own) ? Change.Relative(own, reference, same) : Change.Difference(own, reference, same);
                yield return Derived(own.Task, ChangedMetric(own), change.Value, change.StandardError,
                    new JsonObject { ["against"] = Reference.Name, [PairedSetting] = change.IsPaired })
                    with
                { Length = IsBenchmark(own) ? null : own.Length };
            }
        }
    }

    /// <summary>Losses by position and shares by depth stand for themselves; perplexities of different tokenizers are of different
    /// things.</summary>
    private bool HasChange(EvaluationRecord record) =>
        IsMeasured(record) && !IsLossByPosition(record) && record.Settings!["depth"] is null
        && !(TokenizersDiffer && IsPerplexityByWindow(record));

    /// <summary>Measured, not derived here.</summary>
    internal static bool IsMeasured(EvaluationRecord record) => record.Settings?[ResultsStore.KeySetting] is not null;

    /// <summary>The member of a change's settings that tells whether its error is that of the single differences.</summary>
    internal const string PairedSetting = "paired";

    private static EvaluationRecord Derived(string task, string metric, double value, double? error, JsonObject settings) =>
        new() { Task = task, Metric = metric, Value = value, StandardError = error, Settings = settings };
}
