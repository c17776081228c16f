using Skipwise.Rope;

namespace Skipwise.Reproduction;

/// <summary>Table 2 of the paper: extreme targets, with linear interpolation, NTK and YaRN. Which of them survives? Beside them stands the
/// control without skips.</summary>
internal sealed class Table2 : IExperiment
{
    private const double Survives = 0.5, BreaksDown = 1, Clearly = 0.1;

    private static readonly RopeType[] s_ropes = [RopeType.Linear, RopeType.Ntk, RopeType.Yarn];

    /// <inheritdoc/>
    public string Name => "table2";

    /// <inheritdoc/>
    public string Title => "Table 2: extreme targets";

    /// <inheritdoc/>
    public PaperTable Paper { get; } = PaperTable.Parse("The paper: LLaMA-7B, PG-19 / Books3, window at evaluation", """
        model            | 32k           | 64k           | 96k           | 128k
        PoSE-Linear-96k  | 10.18 / 9.98  | 11.11 / 10.90 | 13.57 / 13.42 | -
        PoSE-NTK-96k     | 7.98 / 8.29   | 20.39 / 20.82 | 38.73 / 40.39 | -
        PoSE-YaRN-96k    | 8.31 / 8.90   | 8.65 / 9.40   | 9.36 / 10.38  | -
        PoSE-Linear-128k | 16.90 / 26.20 | 22.47 / 43.62 | 26.77 / 57.08 | 31.18 / 70.87
        PoSE-NTK-128k    | 8.04 / 8.34   | 14.84 / 16.04 | 29.48 / 31.42 | 34.80 / 37.00
        PoSE-YaRN-128k   | 9.32 / 10.56  | 10.36 / 12.30 | 10.77 / 13.07 | 11.33 / 13.81
        """);

    /// <inheritdoc/>
    public IEnumerable<PlannedWork> Plan(ReproductionContext context) =>
        Variants(context).SelectMany(variant => context.PlanFirstTokens(variant, Windows(context, variant)));

    /// <inheritdoc/>
    public Findings Run(ReproductionContext context)
    {
        IReadOnlyList<Variant> variants = Variants(context);
        IReadOnlyList<int> targets = context.Scale.ExtremeExtensions;
        SeedSamples Measured(Variant variant, int multiple) => context.FirstTokens(variant, Windows(context, variant), multiple);
        (Variant[] Variants, int[] Windows) Of(int target) =>
            ([.. variants.Where(variant => variant.Extension == target)], [1, .. targets.Where(multiple => multiple <= target)]);
        string Caption(int target) => $"Perplexity of the first tokens, target {target}x";
        return new()
        {
            Protocol =
            [
                $"Variants: fine-tunes of the base to {string.Join(", ", targets)} times its window of {context.Window} tokens.",
                .. context.ProtocolOfTraining(variants),
                context.ProtocolOfFirstTokens(targets),
            ],
            Tables =
            [
                .. targets.Select(target =>
                    context.PerplexityTable(Caption(target), Of(target).Variants, Of(target).Windows, Measured)),
            ],
            Verdicts = Verdicts(context, new Comparison(context, Measured)),
            Plots =
            [
                .. targets.Select(target =>
                    context.PerplexityPlot(Of(target).Variants, Of(target).Windows, Measured, $"{Name}-{target}x", Caption(target))),
            ],
            RawLines = [.. variants.SelectMany(variant => context.RawFirstTokens(variant, Windows(context, variant)))],
        };
    }

    private static IReadOnlyList<Variant> Variants(ReproductionContext context) =>
    [
        .. context.Scale.ExtremeExtensions.SelectMany(extension => (Variant[])
            [
                .. s_ropes.Select(rope => Variant.Interpolated(rope, extension)), Variant.InterpolatedShort(extension),
            ]),
    ];

    private static int[] Windows(ReproductionContext context, Variant variant) =>
        [1, .. context.Scale.ExtremeExtensions.Where(multiple => multiple <= variant.Extension)];

    private static IReadOnlyList<Verdict> Verdicts(ReproductionContext context, Comparison perplexity)
    {
        int near = context.Scale.ExtremeExtensions[0], far = context.Scale.ExtremeExtensions[^1];
        Variant linear = Variant.Interpolated(RopeType.Linear, far), ntk = Variant.Interpolated(RopeType.Ntk, far),
            yarn = Variant.Interpolated(RopeType.Yarn, far);
        return
        [
            Verdict.Of(
                new($"Of the three, YaRN alone survives a target of {far}x.",
                    "PG-19 at 128k: YaRN 11.33 (+22 % from 32k), linear 31.18 (+175 % over YaRN), NTK 34.80 (+207 %)",
                    $"YaRN survives: the 95 % interval of its change from {near}x to {far}x is below 50 %; linear and NTK do not: at " +
                    $"{far}x that of their perplexity over YaRN's is above 50 %"),
                VerdictNumber.Below(perplexity.Change(yarn, near, far), Survives),
                VerdictNumber.Above(perplexity.Against(linear, yarn, far), Survives),
                VerdictNumber.Above(perplexity.Against(ntk, yarn, far), Survives)),
            Verdict.Above(
                new("With YaRN, perplexity rises towards the far end: the long window is used, but not used well.",
                    "PG-19: 9.32 to 11.33 (+22 %) from 32k to 128k",
                    $"the 95 % interval of the change from {near}x to {far}x is above 0"),
                0, perplexity.Change(yarn, near, far)),
            Verdict.Above(
                new("NTK breaks down before its target.", "PG-19: 8.04 to 34.80 (+333 %) from 32k to 128k",
                    $"the 95 % interval of the change from {near}x to {far}x is above 100 %"),
                BreaksDown, perplexity.Change(ntk, near, far)),
            Verdict.Above(
                new($"Linear interpolation by {far} hurts at every window.", "PG-19: 16.90 against 9.32 (+81 %) at 32k, +175 % at 128k",
                    "at every window, the 95 % interval of linear's perplexity over YaRN's is above 10 %"),
                Clearly, [.. Windows(context, linear).Select(multiple => perplexity.Against(linear, yarn, multiple))]),
            Verdict.Above(
                new("The skips matter: the same fine-tune without them is worse at the target.", null,
                    $"the 95 % interval of the control's perplexity over PoSE-YaRN's at {far}x is above 0"),
                0, perplexity.Against(Variant.InterpolatedShort(far), yarn, far)),
        ];
    }
}
