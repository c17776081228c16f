using Skipwise.Reports;
using Skipwise.Reports.Plots;

namespace Skipwise.Reproduction;

/// <summary>Figure 2 of the paper: passkey retrieval by length and depth, of the base and of PoSE at two targets. Beside them the control
/// without skips.</summary>
internal sealed class Figure2 : IExperiment
{
    private const int Near = 8, Far = 16; // the paper's 2k -> 16k and 2k -> 32k
    private const double Most = 0.9, Hardly = 0.1;

    private static readonly Variant s_none = Variant.Untouched(), s_short = Variant.Short(Near), s_pose = Variant.Pose(Near),
        s_farPose = Variant.Pose(Far);

    private static readonly Variant[] s_variants = [s_none, s_short, s_pose, s_farPose];

    /// <inheritdoc/>
    public string Name => "fig2";

    /// <inheritdoc/>
    public string Title => "Figure 2: passkey retrieval by length";

    /// <inheritdoc/>
    public PaperTable Paper { get; } = PaperTable.Parse("The paper: LLaMA-7B, percent of 50 trials by prompt length", """
        model    | 2k  | 4k  | 6k  | 8k  | 10k | 12k | 14k | 16k | 20k | 24k | 28k | 32k
        none     | 100 | ~1  | 0   | 0   | 0   | 0   | 0   | 0   | 0   | 0   | 0   | 0
        PoSE-16k | 100 | 100 | 98  | 100 | 96  | 90  | 96  | 92  | 0   | 0   | 0   | 0
        PoSE-32k | 100 | 100 | 100 | 100 | 96  | 96  | 100 | 96  | 96  | 88  | 92  | 100
        """);

    /// <inheritdoc/>
    public IEnumerable<PlannedWork> Plan(ReproductionContext context) => context.Plan(s_variants, [], context.Scale.PasskeyMultiples);

    /// <inheritdoc/>
    public Findings Run(ReproductionContext context)
    {
        IReadOnlyList<int> lengths = context.Scale.PasskeyMultiples;
        var legend = ModelLegend.Create(s_variants.Select(variant => variant.Name));
        IReadOnlyList<DepthTrial> depths = context.Depths(s_variants, lengths);
        return new()
        {
            Protocol =
            [
                $"Variants: the base; fine-tunes of it to {Near} and {Far} times its window of {context.Window} tokens by PoSE, and to " +
                $"{Near} times without skips. Windows of training are never longer than the base's.",
                .. context.ProtocolOfTraining(s_variants),
                context.ProtocolOfPasskey(),
            ],
            Tables = [context.PasskeyTable("Fraction of passkeys found by prompt length in tokens", s_variants, lengths)],
            Verdicts = Verdicts(context, lengths),
            Plots =
            [
                context.PasskeyPlot(s_variants, lengths, $"{Name}-passkey"),
                new ReportBlock.SmallPlots(
                    [.. s_variants.Select(variant => (variant.Name,
                        AccuracyHeatmap.ByDepth("Passkey retrieval", depths, variant.Name, context.Window, legend)))],
                    $"{Name}-depth", "The same trials by the depth of the key: 0 % is the start of the prompt, 100 % its end."),
            ],
            RawLines = [.. context.RawLines(s_variants, [], lengths)],
        };
    }

    private static IReadOnlyList<Verdict> Verdicts(ReproductionContext context, IReadOnlyList<int> lengths)
    {
        NamedEstimate At(Variant variant, int multiple) =>
            new($"{variant.Name} at {context.Length(multiple)}", context.Passkey(variant, multiple).Estimate(), NumberUnit.Fraction);
        return
        [
            Verdict.AtLeast(
                new($"PoSE finds the passkey inside its target of {Near}x.", "90 to 100 % up to 16k",
                    "at every length up to the target, at least 90 % of all trials of all seeds are correct"),
                Most, [.. lengths.Where(multiple => multiple <= Near).Select(multiple => At(s_pose, multiple))]),
            Verdict.AtLeast(
                new($"PoSE finds the passkey inside its target of {Far}x.", "88 to 100 % up to 32k",
                    "at every length up to the target, at least 90 % of all trials of all seeds are correct"),
                Most, [.. lengths.Where(multiple => multiple <= Far).Select(multiple => At(s_farPose, multiple))]),
            Verdict.AtLeast(
                new("The base finds the passkey inside its window.", "100 % at 2k", "at least 90 % of all trials are correct"),
                Most, At(s_none, 1)),
            Verdict.AtMost(
                new("The base finds hardly anything past its window.", "about 1 % at 4k, 0 beyond",
                    "at every longer length, at most 10 % of all trials are correct"),
                Hardly, [.. lengths.Where(multiple => multiple > 1).Select(multiple => At(s_none, multiple))]),
            Verdict.Above(
                new("The skips matter: the same fine-tune without them finds fewer passkeys at the target.", null,
                    "the 95 % interval of PoSE's fraction minus the control's, trial by trial, is above 0"),
                0, new NamedEstimate($"{s_pose.Name} minus {s_short.Name} at {context.Length(Near)}",
                    context.Passkey(s_pose, Near).Minus(context.Passkey(s_short, Near)).Estimate(), NumberUnit.Difference)),
        ];
    }
}
