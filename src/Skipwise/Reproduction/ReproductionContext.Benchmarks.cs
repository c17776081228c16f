using System.Security.Cryptography;
using Skipwise.Evaluation.Results;
using Skipwise.Evaluation.Tasks;
using Skipwise.Models;
using Skipwise.Storage;

namespace Skipwise.Reproduction;

/// <summary>The six benchmarks of the paper's table 3, where their files are given.</summary>
internal sealed partial class ReproductionContext
{
    // each with the metric of the paper
    private static readonly (string Task, string Metric)[] s_benchmarks =
    [
        ("boolq", "acc"), ("piqa", "acc"), ("winogrande", "acc"), ("truthfulqa_mc2", "mc2"), ("arc_challenge", "acc_norm"),
        ("hellaswag", "acc_norm"),
    ];

    private NamedValue? _benchmarkFiles;

    /// <summary>Folder of the benchmarks' files; null: they are left out.</summary>
    public string? Benchmarks { get; init; }

    /// <summary>Their names.</summary>
    public static IReadOnlyList<string> BenchmarkTasks { get; } = [.. s_benchmarks.Select(benchmark => benchmark.Task)];

    /// <summary>A benchmark's score, by seed and question.</summary>
    public SeedSamples Benchmark(Variant variant, string task) => new(
        [.. SeedsOf(variant).Select(seed => BenchmarksOf(variant, seed).Single(measured => measured.Task == task).Questions)],
        variant.IsTrained);

    /// <summary>The trainings and measurements of all benchmarks of a variant, for all seeds.</summary>
    public IEnumerable<PlannedWork> PlanBenchmarks(Variant variant)
    {
        foreach (ulong seed in SeedsOf(variant))
        {
            string model = Models.Key(variant, seed);
            bool IsMeasured() => Measured.Has(BenchmarkSettings(variant, seed));
            if (variant.IsTrained)
            {
                yield return new($"{model} train", model, $"train on windows of {Models.WindowOf(variant)}", 3 * Models.TokensOf(variant),
                    () => IsMeasured() || Models.IsFinished(variant, seed), () => Models.Train(variant, seed));
            }
            const long choices = 4;
            long questions = (long)(Scale.BenchmarkLimit ?? 3000) * s_benchmarks.Length; // 3000: their mean, about
            yield return new($"{model} benchmarks", model, "benchmarks", choices * questions * BaseOf(variant).Window, IsMeasured,
                () => BenchmarksOf(variant, seed));
        }
    }

    /// <summary>A table of scores, a row per variant, a column per benchmark.</summary>
    public NumberTable BenchmarkTable(IEnumerable<Variant> variants) => new(
        "Benchmarks: fraction of questions answered correctly, mc2 for TruthfulQA", "variant", BenchmarkTasks,
        [.. variants.Select(variant =>
            new NumberRow(variant.Name, [.. BenchmarkTasks.Select(task => Benchmark(variant, task).Estimate())]))],
        NumberUnit.Fraction);

    /// <summary>A sentence of a protocol: how benchmarks are measured.</summary>
    public string ProtocolOfBenchmarks() =>
        $"Benchmarks: by the rules of lm-evaluation-harness as of 2023, prompts cut to the base's {Window} tokens, " +
        (Scale.BenchmarkLimit is { } limit ? FormattableString.Invariant($"the first {limit} questions.") : "all questions.");

    /// <summary>Raw lines of the benchmarks of a variant.</summary>
    public IEnumerable<string> RawBenchmarks(Variant variant) =>
        from seed in SeedsOf(variant)
        from measured in BenchmarksOf(variant, seed)
        select EvaluationJson.ToJsonLine(new RawBenchmark(variant.Name, Models.Key(variant, seed), variant.IsTrained ? seed : null,
            measured.Task, measured.Metric, measured.Questions));

    private BenchmarkMeasurement[] BenchmarksOf(Variant variant, ulong seed) =>
        Measured.Get(BenchmarkSettings(variant, seed), () => Timed($"benchmarks of {variant.Name}", variant, seed, model =>
        {
            var suite = TaskSuite.Prepare(Benchmarks!, BenchmarkTasks, BaseOf(variant).Tokenizer, model.Config,
                BenchmarkOptions(variant), _stop);
            IReadOnlyList<TaskResult> results = suite.Evaluate(model, null, _progress.Evaluation, _stop);
            return (BenchmarkMeasurement[])
            [
                .. s_benchmarks.Select(each => new BenchmarkMeasurement(each.Task, each.Metric,
                    results.Single(result => result.Task == each.Task && result.Metric == each.Metric).Samples!)),
            ];
        }));

    private TaskOptions BenchmarkOptions(Variant variant) => new() { MaxLength = BaseOf(variant).Window, Limit = Scale.BenchmarkLimit };

    private NamedValue[] BenchmarkSettings(Variant variant, ulong seed) =>
    [
        new("kind", "benchmarks"), new("version", MeasurementVersion), new("model", Models.Key(variant, seed)),
        new("tasks", string.Join(',', BenchmarkTasks)), new("harness", "2023"),
        NamedValue.Of("max_length", BaseOf(variant).Window), NamedValue.Of("limit", Scale.BenchmarkLimit),
        _benchmarkFiles ??= new("files", HashOfFiles(Benchmarks!)),
    ];

    private static string HashOfFiles(string folder)
    {
        if (!Directory.Exists(folder))
        {
            throw new SkipwiseException($"{folder}: no such folder. Name the folder with the benchmarks' files");
        }
        TaskSuite.RequireData(folder, BenchmarkTasks, new TaskOptions());
        return CacheKey.OfText(string.Concat(Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)
            .Order(StringComparer.Ordinal).Select(file =>
            {
                using FileStream stream = InputFile.Open(file);
                return $"{Path.GetRelativePath(folder, file)} {Convert.ToHexStringLower(SHA256.HashData(stream))}\n";
            })));
    }
}
