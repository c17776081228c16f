using Skipwise.Evaluation.Results;
using Skipwise.Evaluation.Tasks;
using Skipwise.Models;
using Skipwise.Storage;

namespace Skipwise.Reproduction;

/// <summary>The six benchmarks of the paper's table 3, where their files are given: of the run's own base and its fine-tunes.</summary>
internal sealed partial class ReproductionContext
{
    // each with the metric of the paper
    private static readonly (string Task, string Metric)[] s_benchmarks =
    [
        ("boolq", "acc"), ("piqa", "acc"), ("winogrande", "acc"), ("truthfulqa_mc2", "mc2"), ("arc_challenge", "acc_norm"),
        ("hellaswag", "acc_norm"),
    ];

    private NamedValue? _benchmarkFiles;
    private TaskSuite? _suite;

    /// <summary>Folder of the benchmarks' files; null: they are left out.</summary>
    public string? Benchmarks { get; init; }

    /// <summary>Their names.</summary>
    public static IReadOnlyList<string> BenchmarkTasks { get; } = [.. s_benchmarks.Select(benchmark => benchmark.Task)];

    /// <summary>Reads the benchmarks' files to find errors before any work.</summary>
    /// <exception cref="SkipwiseException">no such folder, or a file that is missing or broken</exception>
    public static void RequireBenchmarks(string folder)
    {
        if (!Directory.Exists(folder))
        {
            throw new SkipwiseException($"{OptionName.Of(nameof(ReproductionOptions.Benchmarks))} {folder}: no such folder. Name the " +
                $"folder with the files of {string.Join(", ", BenchmarkTasks)}.");
        }
        TaskSuite.RequireData(folder, BenchmarkTasks, new TaskOptions());
    }

    /// <summary>A benchmark's score, by seed and question.</summary>
    public SeedSamples Benchmark(Variant variant, string task) => new(
        [.. SeedsOf(variant).Select(seed => BenchmarksOf(variant, seed).Single(measured => measured.Task == task).Questions)],
        variant.IsTrained);

    /// <summary>The trainings and measurements of all benchmarks of a variant, for all seeds.</summary>
    public IEnumerable<PlannedWork> PlanBenchmarks(Variant variant) => SeedsOf(variant).SelectMany(seed =>
    {
        string model = Models.Key(variant, seed);
        const long choices = 4;
        long questions = (long)(Scale.BenchmarkLimit ?? 3000) * s_benchmarks.Length; // 3000: their mean, about
        return WithTraining(variant, seed,
        [
            new($"{model} benchmarks", model, "benchmarks", choices * questions * Window,
                () => Measured.Has(BenchmarkSettings(variant, seed)), () => BenchmarksOf(variant, seed)),
        ]);
    });

    /// <summary>A table of scores, a row per variant, a column per benchmark.</summary>
    public NumberTable BenchmarkTable(IEnumerable<Variant> variants) => new(
        "Benchmarks: fraction of questions answered correctly, mc2 for TruthfulQA", "variant", BenchmarkTasks,
        [.. variants.Select(variant =>
            new NumberRow(variant.Name, [.. BenchmarkTasks.Select(task => Benchmark(variant, task).Estimate())]))],
        NumberUnit.Fraction, "questions");

    /// <summary>Raw lines of the benchmarks of a variant.</summary>
    public IEnumerable<string> RawBenchmarks(Variant variant) =>
        from seed in SeedsOf(variant)
        from measured in BenchmarksOf(variant, seed)
        select EvaluationJson.ToJsonLine(new RawBenchmark(variant.Name, Models.Key(variant, seed), Decides(variant, seed),
            measured.Task, measured.Metric, measured.Questions));

    private BenchmarkMeasurement[] BenchmarksOf(Variant variant, ulong seed) =>
        Measured.Get(BenchmarkSettings(variant, seed), () => Timed($"benchmarks of {variant.Name}", variant, seed, model =>
        {
            // window, BOS and EOS are the base's for all variants, and so are the prompts
            _suite ??= TaskSuite.Prepare(Benchmarks!, BenchmarkTasks, Base.Tokenizer, Base.Config.Model,
                new TaskOptions { MaxLength = Window, Limit = Scale.BenchmarkLimit }, _stop);
            IReadOnlyList<TaskResult> results = _suite.Evaluate(model, null, _progress.Evaluation, cancel: _stop);
            return (BenchmarkMeasurement[])
            [
                .. s_benchmarks.Select(each => new BenchmarkMeasurement(each.Task, each.Metric,
                    results.Single(result => result.Task == each.Task && result.Metric == each.Metric).Samples!)),
            ];
        }));

    private NamedValue[] BenchmarkSettings(Variant variant, ulong seed) =>
    [
        new("kind", "benchmarks"), new("version", MeasurementVersion), new("model", Models.Key(variant, seed)),
        new("tasks", string.Join(',', BenchmarkTasks)), new("harness", "2023"),
        NamedValue.Of("max_length", Window), NamedValue.Of("limit", Scale.BenchmarkLimit),
        _benchmarkFiles ??= new("files", ContentHash.Compute([Benchmarks!])),
    ];
}
