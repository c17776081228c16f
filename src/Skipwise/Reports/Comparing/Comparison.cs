using System.Text.Json.Nodes;
using Skipwise.Evaluation.Results;

namespace Skipwise.Reports.Comparing;

/// <summary>
/// A comparison of models, made from stored results without loading models. Every value, evaluated or derived, is an
/// <see cref="EvaluationRecord"/> with its line in <see cref="Lines"/>.
/// </summary>
internal sealed class Comparison
{
    private readonly Dictionary<string, List<EvaluationRecord>> _byModel = [];
    private readonly Dictionary<EvaluationRecord, int> _lines = new(ReferenceEqualityComparer.Instance);
    private readonly List<string> _text = [];

    /// <summary>Compares models and derives further values.</summary>
    /// <param name="plan">models with unique names</param>
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

    /// <summary>Loads one comparison from several folders. The other models are compared with the first folder's first model.</summary>
    /// <exception cref="SkipwiseException">a folder is missing or damaged</exception>
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
                // A model that was evaluated twice is shown twice, because neither run is preferable.
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

    /// <summary>The models and evaluations that are compared.</summary>
    public ComparisonPlan Plan { get; }

    /// <summary>The compared models.</summary>
    public IReadOnlyList<ComparedModel> Models => Plan.Models;

    /// <summary>The model that the others are compared with.</summary>
    public ComparedModel Reference => Models[0];

    /// <summary>the reference's original window in tokens, at which the cost in perplexity is compared</summary>
    public int OriginalWindow => Reference.OriginalWindow;

    /// <summary>Whether the models have different tokenizers, so that perplexities cannot be compared.</summary>
    public bool TokenizersDiffer => Models.Select(model => model.Tokenizer).Distinct().Count() > 1;

    /// <summary>All records as JSON lines; a record's line is <see cref="Line"/>.</summary>
    public IReadOnlyList<string> Lines => _text;

    /// <summary>All records, evaluated and derived.</summary>
    public IReadOnlyList<EvaluationRecord> Records => [.. Models.SelectMany(RecordsOf)];

    /// <summary>The number of a record's line, from 1.</summary>
    public int Line(EvaluationRecord record) => _lines[record];

    /// <summary>The records of a model, evaluated and derived.</summary>
    public IReadOnlyList<EvaluationRecord> RecordsOf(ComparedModel model) => _byModel[model.Name];

    /// <summary>A record of a model; null if there is none.</summary>
    public EvaluationRecord? Find(ComparedModel model, string task, string metric, int? length = null) =>
        RecordsOf(model).FirstOrDefault(record => record.Task == task && record.Metric == metric && record.Length == length);

    /// <summary>A metric at every evaluated length, by rising length.</summary>
    public IReadOnlyList<EvaluationRecord> ByLength(ComparedModel model, string task, string metric) =>
        [.. RecordsOf(model).Where(record => record.Task == task && record.Metric == metric && record.Length is not null)
            .OrderBy(record => record.Length)];

    /// <summary>The effective length; null if no retrieval was evaluated.</summary>
    public EffectiveLength? EffectiveLength(ComparedModel model) =>
        Skipwise.Reports.Comparing.EffectiveLength.Compute(RecordsOf(model), Plan.EffectiveLength, OriginalWindow);

    /// <summary>The perplexity at the original window against the reference's; null if it was not evaluated for both.</summary>
    public ShortCost? ShortPerplexity(ComparedModel model)
    {
        if (Find(model, "perplexity", "perplexity", OriginalWindow) is not { } own
            || Find(Reference, "perplexity", "perplexity", OriginalWindow) is not { } reference)
        {
            return null;
        }
        return new(own, reference, Change.Relative(own, reference, AreAskedTheSame(own, reference)));
    }

    /// <summary>The records of benchmarks. Their length is the model's own window, so task and metric identify them.</summary>
    public IEnumerable<EvaluationRecord> Benchmarks(ComparedModel model) => RecordsOf(model).Where(IsBenchmark);

    /// <summary>A benchmark's record of a model; null if there is none.</summary>
    public EvaluationRecord? Benchmark(ComparedModel model, string task, string metric) =>
        Benchmarks(model).FirstOrDefault(record => record.Task == task && record.Metric == metric);

    /// <summary>The difference of each benchmark to the reference's.</summary>
    public IEnumerable<EvaluationRecord> BenchmarkChanges(ComparedModel model) =>
        Benchmarks(model).Select(own => ChangeOf(model, own)).OfType<EvaluationRecord>();

    /// <summary>The record of a value's change against the reference; null if there is none.</summary>
    public EvaluationRecord? ChangeOf(ComparedModel model, EvaluationRecord own) =>
        Find(model, own.Task, ChangedMetric(own), IsBenchmark(own) ? null : own.Length);

    /// <summary>Whether a record is of a benchmark; only these have few-shot examples.</summary>
    internal static bool IsBenchmark(EvaluationRecord record) => record.Settings?["shots"] is not null;

    internal static bool IsLossByPosition(EvaluationRecord record) => record.Positions is not null;

    /// <summary>The tasks whose settings differ between models.</summary>
    public IReadOnlyList<string> UnevenTasks() =>
    [
        .. Models.SelectMany(RecordsOf).Where(IsMeasured)
            .GroupBy(record => (record.Task, record.Metric, record.Length, Depth: record.Settings!["depth"]?.ToJsonString()))
            .Where(same => same.Select(record => Comparable(record.Settings!)).Distinct().Count() > 1)
            .Select(same => same.Key.Task).Distinct(),
    ];

    /// <summary>Settings that depend on the model, or do not affect results.</summary>
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

    /// <summary>The metric of a change: relative for a perplexity, else a difference.</summary>
    private static string ChangedMetric(EvaluationRecord record) => IsPerplexityByWindow(record) ? "increase" : $"{record.Metric}_change";

    private static bool IsPerplexityByWindow(EvaluationRecord record) => record is { Task: "perplexity", Metric: "perplexity" };

    private EvaluationRecord Number(EvaluationRecord record)
    {
        _text.Add(EvaluationJson.ToJsonLine(record));
        _lines[record] = _text.Count;
        return record;
    }

    /// <summary>Adds the records that are derived from evaluated ones.</summary>
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

    /// <summary>Whether a record is compared: not losses by position and accuracies by depth, nor perplexities of different
    /// tokenizers.</summary>
    private bool HasChange(EvaluationRecord record) =>
        IsMeasured(record) && !IsLossByPosition(record) && record.Settings!["depth"] is null
        && !(TokenizersDiffer && IsPerplexityByWindow(record));

    /// <summary>Whether a record was evaluated and not derived.</summary>
    internal static bool IsMeasured(EvaluationRecord record) => record.Settings?[ResultsStore.KeySetting] is not null;

    /// <summary>The setting of a change that states whether its error is paired.</summary>
    internal const string PairedSetting = "paired";

    private static EvaluationRecord Derived(string task, string metric, double value, double? error, JsonObject settings) =>
        new() { Task = task, Metric = metric, Value = value, StandardError = error, Settings = settings };
}
