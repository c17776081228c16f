using Skipwise.Reports;
using Skipwise.Reports.Plots;
using Skipwise.Rope;

namespace Skipwise.Reproduction;

/// <summary>Table 2 of the paper: extreme targets, with linear interpolation, NTK and YaRN. Which of them survives? Beside them stands the
/// control without skips.</summary>
internal sealed class Table2 : IPaperExperiment
{
    private const double LittleRise = 0.5, GreatRise = 1, Clearly = 0.1;

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

    /// <summary>A fine-tune whose RoPE factor is the extension, as in the paper.</summary>
    public static Variant Interpolated(RopeType rope, int extension) =>
        Variant.Pose(extension, $"PoSE-{NameOf(rope)} {extension}x") with { Rope = rope, RopeFactor = extension };

    /// <summary>A scaling as the paper writes it.</summary>
    public static string NameOf(RopeType rope) => rope switch
    {
        RopeType.Linear => "Linear",
        RopeType.Ntk => "NTK",
        RopeType.Yarn => "YaRN",
        RopeType.YarnRevised => "YaRN revised",
        _ => RopeTypeNames.NameOf(rope),
    };

    /// <inheritdoc/>
    public IEnumerable<PlannedWork> Plan(ReproductionContext context) =>
        Variants(context).SelectMany(variant => context.PlanFirstTokens(variant, Windows(context, variant)));

    /// <inheritdoc/>
    public ReproductionResult Run(ReproductionContext context)
    {
        IReadOnlyList<Variant> variants = Variants(context);
        int[] all = [1, .. context.Scale.ExtremeExtensions];
        int far = all[^1];
        return new()
        {
            Name = Name,
            Title = Title,
            Scale = context.Scale.Name,
            Seeds = context.Scale.Seeds,
            Protocol =
            [
                $"Variants: fine-tunes of the base to {string.Join(", ", context.Scale.ExtremeExtensions)} times its window of " +
                $"{context.Window} tokens. RoPE's factor is the extension, as in the paper.",
                .. context.ProtocolOfTraining(),
                context.ProtocolOfFirstTokens(far),
            ],
            Paper = Paper,
            Tables =
            [
                .. context.Scale.ExtremeExtensions.Select(extension => context.Table(
                    $"Perplexity of the first tokens, target {extension}x", variants.Where(variant => variant.Extension == extension),
                    [.. all.Where(multiple => multiple <= extension)], NumberUnit.Perplexity,
                    (variant, multiple) => Of(context, variant, multiple))),
            ],
            Verdicts = Verdicts(context),
            Plots =
            [
                .. context.Scale.ExtremeExtensions.Select(extension => new ReportBlock.Plot(
                    LengthPlot.Perplexity(
                        context.Points(variants.Where(variant => variant.Extension == extension),
                            [.. all.Where(multiple => multiple <= extension)], (variant, multiple) => Of(context, variant, multiple)),
                        context.Window, ModelLegend.Create(variants.Where(variant => variant.Extension == extension)
                            .Select(variant => variant.Name))),
                    $"{Name}-{extension}x", $"Perplexity of the first tokens, target {extension}x; lower is better.")),
            ],
            RawLines = [.. variants.SelectMany(variant => context.RawFirstTokens(variant, Windows(context, variant)))],
        };
    }

    private static IReadOnlyList<Variant> Variants(ReproductionContext context) =>
    [
        .. context.Scale.ExtremeExtensions.SelectMany(extension => (Variant[])
            [
                Interpolated(RopeType.Linear, extension), Interpolated(RopeType.Ntk, extension), Interpolated(RopeType.Yarn, extension),
                Variant.Short(extension) with { Name = $"short-YaRN {extension}x (no skips)", RopeFactor = extension },
            ]),
    ];

    private static int[] Windows(ReproductionContext context, Variant variant) =>
        [1, .. context.Scale.ExtremeExtensions.Where(multiple => multiple <= variant.Extension)];

    private static SeedSamples Of(ReproductionContext context, Variant variant, int multiple) =>
        context.FirstTokens(variant, Windows(context, variant), multiple);

    private static IReadOnlyList<Verdict> Verdicts(ReproductionContext context)
    {
        int near = context.Scale.ExtremeExtensions[0], far = context.Scale.ExtremeExtensions[^1];
        Variant linear = Interpolated(RopeType.Linear, far), ntk = Interpolated(RopeType.Ntk, far), yarn = Interpolated(RopeType.Yarn, far),
            control = Variants(context)[^1];
        (string, Estimate) Over(Variant variant, Variant reference, int multiple) =>
            ($"{variant.Name} over {reference.Name} at {context.Length(multiple)}",
                ReproductionContext.RelativeTo(Of(context, variant, multiple), Of(context, reference, multiple)));
        (string, Estimate) Rise(Variant variant) =>
            ($"{variant.Name} from {context.Length(near)} to {context.Length(far)}",
                ReproductionContext.RelativeTo(Of(context, variant, far), Of(context, variant, near)));
        return
        [
            Verdict.Below(
                new($"Of the three, YaRN alone survives a target of {far}x.", "11.33 against 31.18 (linear) and 34.80 (NTK) at 128k",
                    $"the 95 % interval of YaRN's perplexity over each other's at {far}x is below 0"),
                0, Over(yarn, linear, far), Over(yarn, ntk, far)),
            Verdict.Below(
                new("With YaRN, perplexity rises only little towards the far end.", "9.32 to 11.33 (+22 %) from 32k to 128k",
                    $"the 95 % interval of the change from {near}x to {far}x is below 50 %"),
                LittleRise, Rise(yarn)),
            Verdict.Above(
                new("NTK breaks down before its target.", "8.04 to 34.80 (+333 %) from 32k to 128k",
                    $"the 95 % interval of the change from {near}x to {far}x is above 100 %"),
                GreatRise, Rise(ntk)),
            Verdict.Above(
                new($"Linear interpolation by {far} hurts at every window.", "16.90 against 9.32 (+81 %) at 32k, +175 % at 128k",
                    "at every window, the 95 % interval of linear's perplexity over YaRN's is above 10 %"),
                Clearly, [.. Windows(context, linear).Select(multiple => Over(linear, yarn, multiple))]),
            Verdict.Above(
                new("The skips matter: the same fine-tune without them is worse at the target.", null,
                    $"the 95 % interval of the control's perplexity over PoSE-YaRN's at {far}x is above 0"),
                0, Over(control, yarn, far)),
        ];
    }
}
