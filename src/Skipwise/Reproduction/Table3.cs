using Skipwise.Rope;

namespace Skipwise.Reproduction;

/// <summary>Table 3 of the paper: what the extension costs on the original window, in perplexity and in passkeys, and on six benchmarks
/// where their files are given. Beside the others stands the control without skips.</summary>
internal sealed class Table3 : IExperiment
{
    private const int Near = 8; // the paper's 2k -> 16k
    private const double Little = 0.03, Clearly = 0.1, Most = 0.9, FewPoints = 0.03;

    private static readonly int[] s_window = [1];

    private static readonly Variant s_none = Variant.Untouched(), s_full = Variant.FullLength(Near), s_short = Variant.Short(Near),
        s_pose = Variant.Pose(Near), s_linear = Variant.Interpolated(RopeType.Linear, Near),
        s_ntk = Variant.Interpolated(RopeType.Ntk, Near), s_yarn = Variant.Interpolated(RopeType.Yarn, Near);

    /// <inheritdoc/>
    public string Name => "table3";

    /// <inheritdoc/>
    public string Title => "Table 3: the cost on the original window";

    /// <inheritdoc/>
    public PaperTable Paper { get; } = PaperTable.Parse("The paper: LLaMA-7B, benchmarks in percent", """
        model            | BoolQ | PIQA  | WinoGrande | TruthfulQA | ARC-C | HellaSwag
        LLaMA            | 75.11 | 78.67 | 69.85      | 34.08      | 51.19 | 77.75
        Full-Linear-16k  | 70.95 | 77.64 | 69.06      | 31.89      | 48.55 | 74.19
        Full-NTK-16k     | 75.80 | 78.08 | 68.98      | 33.83      | 48.81 | 76.57
        Full-YaRN-16k    | 73.88 | 77.64 | 68.15      | 34.12      | 50.60 | 77.18
        PoSE-Linear-16k  | 74.50 | 78.13 | 68.59      | 32.05      | 48.29 | 75.56
        PoSE-NTK-16k     | 74.28 | 78.24 | 68.90      | 33.89      | 49.83 | 76.82
        PoSE-YaRN-16k    | 74.28 | 78.02 | 69.06      | 34.00      | 49.23 | 77.04
        PoSE-Linear-128k | 67.71 | 76.22 | 67.56      | 36.16      | 39.93 | 66.04
        PoSE-NTK-128k    | 75.35 | 78.18 | 68.98      | 32.71      | 49.66 | 76.19
        PoSE-YaRN-128k   | 73.61 | 77.80 | 70.01      | 34.47      | 48.46 | 75.54
        """);

    /// <inheritdoc/>
    public IEnumerable<PlannedWork> Plan(ReproductionContext context) =>
    [
        .. context.Plan(Variants(context), s_window, s_window),
        .. context.Benchmarks is null ? [] : Variants(context).SelectMany(context.PlanBenchmarks),
    ];

    /// <inheritdoc/>
    public Findings Run(ReproductionContext context)
    {
        IReadOnlyList<Variant> variants = Variants(context);
        bool hasBenchmarks = context.Benchmarks is not null;
        return new()
        {
            Protocol =
            [
                $"Variants: the base; fine-tunes of it to {Near} and {Far(context)} times its window of {context.Window} tokens. " +
                "Full-length training is measured with the demo's scaling only.",
                .. context.ProtocolOfTraining(variants),
                context.ProtocolOfPerplexity(),
                context.ProtocolOfPasskey(),
                hasBenchmarks ? context.ProtocolOfBenchmarks() : "Benchmarks: none; they run if a folder with their files is given.",
            ],
            Tables =
            [
                context.PerplexityTable("Perplexity with the base's own window", variants, s_window, context.Perplexity),
                context.PasskeyTable("Fraction of passkeys found in prompts that fill the base's own window", variants, s_window),
                .. hasBenchmarks ? (NumberTable[])[context.BenchmarkTable(variants)] : [],
            ],
            Verdicts = Verdicts(context, new Comparison(context, context.Perplexity)),
            Plots =
            [
                context.PerplexityPlot(variants, s_window, context.Perplexity, $"{Name}-perplexity",
                    "Perplexity with the base's own window"),
            ],
            RawLines =
            [
                .. context.RawLines(variants, s_window, s_window),
                .. hasBenchmarks ? variants.SelectMany(context.RawBenchmarks) : [],
            ],
        };
    }

    private static int Far(ReproductionContext context) => context.Scale.ExtremeExtensions[^1]; // the paper's 2k -> 128k

    private static IReadOnlyList<Variant> Variants(ReproductionContext context) =>
    [
        s_none, s_full, s_short, s_pose, s_linear, s_ntk, s_yarn,
        Variant.Interpolated(RopeType.Linear, Far(context)), Variant.Interpolated(RopeType.Ntk, Far(context)),
        Variant.Interpolated(RopeType.Yarn, Far(context)),
    ];

    private static IReadOnlyList<Verdict> Verdicts(ReproductionContext context, Comparison perplexity)
    {
        int far = Far(context);
        Variant farLinear = Variant.Interpolated(RopeType.Linear, far), farYarn = Variant.Interpolated(RopeType.Yarn, far);
        NamedEstimate Passkeys(Variant variant) => new(variant.Name, context.Passkey(variant, 1).Estimate(), NumberUnit.Fraction);
        return
        [
            Verdict.Below(
                new("On the original window PoSE is as good as full-length training.",
                    "mean of six benchmarks 0.8 points above (linear), equal (NTK, YaRN)",
                    "the 95 % interval of PoSE's perplexity over full-length's at 1x is below 3 %"),
                Little, perplexity.Against(s_pose, s_full, 1)),
            Verdict.Below(
                new($"With NTK or YaRN, an extension to {Near}x costs little on the original window.",
                    "0.8 points of the mean of six benchmarks; +0.4 to +0.6 % perplexity",
                    "the 95 % interval of the perplexity over the base's at 1x is below 3 %"),
                Little, perplexity.Against(s_ntk, s_none, 1), perplexity.Against(s_yarn, s_none, 1)),
            Verdict.Above(
                new("Linear interpolation costs more than NTK and YaRN.", "0.8 points of the mean of six benchmarks",
                    $"the 95 % interval of linear's perplexity over each other's at 1x, extended to {Near}x, is above 0"),
                0, perplexity.Against(s_linear, s_ntk, 1), perplexity.Against(s_linear, s_yarn, 1)),
            Verdict.Above(
                new($"Extended to {far}x, linear interpolation hurts the original window badly.",
                    "ARC-C 39.93 against 48.46, HellaSwag 66.04 against 75.54 with YaRN",
                    $"the 95 % interval of linear's perplexity over YaRN's at 1x, extended to {far}x, is above 10 %"),
                Clearly, perplexity.Against(farLinear, farYarn, 1)),
            Verdict.AtLeast(
                new("PoSE keeps retrieval inside the original window.", "100 % at 2k (linear, figure 2)",
                    $"after each PoSE fine-tune to {Near}x (the demo's, linear, NTK, YaRN), at least 90 % of all trials of all seeds are " +
                    "correct"),
                Most, Passkeys(s_pose), Passkeys(s_linear), Passkeys(s_ntk), Passkeys(s_yarn)),
            .. context.Benchmarks is null ? [] : (Verdict[])
            [
                Verdict.Below(
                    new($"With NTK or YaRN, an extension to {Near}x costs at most 3 points of any benchmark.", "at most 2.0 points",
                        "the 95 % interval of the base's score minus the fine-tune's, question by question, is below 3 points"),
                    FewPoints, [.. from variant in (Variant[])[s_ntk, s_yarn]
                                   from task in ReproductionContext.BenchmarkTasks
                                   select new NamedEstimate($"{s_none.Name} minus {variant.Name}, {task}",
                                       context.Benchmark(s_none, task).Minus(context.Benchmark(variant, task)).Estimate(),
                                       NumberUnit.Difference)]),
            ],
        ];
    }
}
