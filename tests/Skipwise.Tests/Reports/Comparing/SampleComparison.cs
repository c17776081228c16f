using System.Text.Json.Nodes;
using Skipwise.Evaluation.Results;
using Skipwise.Numerics;
using Skipwise.Reports.Comparing;

namespace Skipwise.Tests.Reports.Comparing;

/// <summary>Invented numbers of a plausible shape: a base model of 128 tokens, and one extended to 1024.</summary>
internal static class SampleComparison
{
    public const string Base = "base", Extended = "base-1k";

    public static readonly int[] Lengths = [128, 256, 512, 1024];

    /// <summary>The extended model holds to 512: at 1024 it finds 35 of 50 passkeys.</summary>
    public static Comparison Usual { get; } = Of(new GateOptions());

    public static ComparedModel Model(string name, int window, string tokenizer = "t") => new()
    {
        Name = name,
        Fingerprint = $"f-{name}",
        Tokenizer = tokenizer,
        Window = window,
        OriginalWindow = 128,
        Parameters = 2_000_000,
        Rope = "default, theta 100",
        Measurements = [],
    };

    public static ComparisonPlan Plan(params ComparedModel[] models) => new()
    {
        Models = models,
        Skipped = [new("needle", "needs nothing")],
        EffectiveLength = new(),
        Gates = new(),
    };

    public static Comparison Of(GateOptions gates) => new(Plan(Model(Base, 128), Model(Extended, 1024)) with { Gates = gates },
    [
        [
            .. Perplexities(3.40, 3.77, 5.59, 7.05), .. Lengths.Zip([50, 18, 0, 0], Passkey), Benchmark("boolq", "acc", 0.62, 0.01),
            Benchmark("piqa", "acc", 0.70, 0.01),
            .. Depths(128, 1), Ruler("ruler_vt", 128, 90), Ruler("ruler_cwe", 128, 92), Ruler("ruler", 128, 91), Ruler("ruler_vt", 256, 10),
            Ruler("ruler", 256, 10),
        ],
        [
            .. Perplexities(3.46, 3.37, 3.41, 3.46), .. Lengths.Zip([50, 49, 50, 35], Passkey), Benchmark("boolq", "acc", 0.61, 0.01),
            Benchmark("piqa", "acc", 0.62, 0.01),
            .. Depths(128, 0.9), .. Depths(256, 0.8), Ruler("ruler_vt", 128, 95), Ruler("ruler_cwe", 128, 85), Ruler("ruler", 128, 90),
            Ruler("ruler_vt", 256, 90), Ruler("ruler", 256, 90),
        ],
    ]);

    public static IEnumerable<EvaluationRecord> Perplexities(params double[] values) =>
        Lengths.Zip(values, (length, value) => Perplexity(length, value, 0.05));

    public static EvaluationRecord Perplexity(int length, double value, double? error) =>
        new()
        {
            Task = "perplexity",
            Metric = "perplexity",
            Length = length,
            Value = value,
            StandardError = error,
            Count = 9000,
            Settings = Measured("p", ("mode", "sliding"))
        };

    public static EvaluationRecord Passkey(int length, int correct) => Share("passkey", "accuracy", length, correct / 50.0, 50) with
    {
        Interval = [Statistics.Wilson(correct, 50).Low, Statistics.Wilson(correct, 50).High],
    };

    public static EvaluationRecord Ruler(string task, int length, double percent) =>
        Share(task, task == "ruler" ? "average" : "string_match_all", length, percent / 100, 100) with
        {
            Value = percent,
            StandardError = 2
        };

    private static EvaluationRecord Benchmark(string task, string metric, double value, double error) =>
        new()
        {
            Task = task,
            Metric = metric,
            Length = 128,
            Value = value,
            StandardError = error,
            Count = 1000,
            Settings = Measured(task, ("shots", 0))
        };

    private static IEnumerable<EvaluationRecord> Depths(int length, double share) => new[] { 0.0, 0.5, 1.0 }.Select(depth =>
        Share("passkey", "accuracy_at_depth", length, share, 10) with { Settings = Measured("k", ("trials", 50), ("depth", depth)) });

    private static EvaluationRecord Share(string task, string metric, int length, double value, int count) =>
        new()
        {
            Task = task,
            Metric = metric,
            Length = length,
            Value = value,
            StandardError = Math.Sqrt(value * (1 - value) / (count - 1)),
            Count = count,
            Settings = Measured("k", ("trials", 50))
        };

    private static JsonObject Measured(string key, params (string Name, JsonNode Value)[] settings)
    {
        var all = new JsonObject { ["measurement"] = key };
        foreach ((string name, JsonNode value) in settings)
        {
            all[name] = value;
        }
        return all;
    }
}
