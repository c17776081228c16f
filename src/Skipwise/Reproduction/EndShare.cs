using System.Globalization;

namespace Skipwise.Reproduction;

/// <summary>
/// Beyond the paper: the last window of distances before the target is covered ever more rarely by PoSE's draw. Does it help retrieval to
/// put the last chunk at the target's end with probability p, or to draw positions up to one window past the target?
/// </summary>
internal sealed class EndShare : IExperiment
{
    private const int Target = 8;
    private const double Hardly = 0.01;

    private static readonly int[] s_windows = [1, 4, 8], s_prompts = [1, 4, 8], s_far = [8];

    private static readonly Variant s_none = Variant.Untouched(), s_short = Variant.Short(Target), s_paper = With(0), s_tenth = With(0.1),
        s_third = With(0.3), s_past = Variant.Pose(Target, "one window past the target");

    private static readonly Variant[] s_variants = [s_none, s_short, s_paper, s_tenth, s_third, s_past];

    /// <inheritdoc/>
    public string Name => "end-share";

    /// <inheritdoc/>
    public string Title => "Beyond the paper: the thinly covered end of the target";

    /// <inheritdoc/>
    public PaperTable? Paper => null;

    /// <inheritdoc/>
    public IEnumerable<PlannedWork> Plan(ReproductionContext context) => context.Plan(s_variants, s_windows, s_prompts, s_far);

    /// <inheritdoc/>
    public Findings Run(ReproductionContext context) => new()
    {
        Protocol =
        [
            $"Variants: the base; fine-tunes of it to {Target} times its window of {context.Window} tokens: with positions below the " +
            "target and the last chunk at its end with probability p; with p = 0 and positions up to one window past the " +
            "target, as in all other experiments; and without skips.",
            .. context.ProtocolOfTraining(s_variants),
            context.ProtocolOfPerplexity(),
            $"{context.ProtocolOfPasskey()} \"Key in the first window\": as many prompts of {context.Length(Target)} with the key in " +
            $"their first {context.Window} tokens.",
        ],
        Tables =
        [
            context.PasskeyTable("Fraction of passkeys found by prompt length in tokens", s_variants, s_prompts),
            context.FirstWindowPasskeyTable("Fraction of passkeys found, key in the first window", s_variants, s_far),
            context.PerplexityTable("Perplexity by window in tokens", s_variants, s_windows, context.Perplexity),
        ],
        Verdicts = Verdicts(context),
        Plots =
        [
            context.PasskeyPlot(s_variants, s_prompts, $"{Name}-passkey"),
            context.PerplexityPlot(s_variants, s_windows, context.Perplexity, $"{Name}-perplexity", "Perplexity on held-out documents"),
        ],
        RawLines = [.. context.RawLines(s_variants, s_windows, s_prompts, s_far)],
    };

    private static IReadOnlyList<Verdict> Verdicts(ReproductionContext context)
    {
        var perplexity = new Comparison(context, context.Perplexity);
        NamedEstimate Far(Variant variant, Variant reference) => new(
            $"{variant.Name} minus {reference.Name} at {context.Length(Target)}, key in the first window",
            context.FirstWindowPasskey(variant, Target).Minus(context.FirstWindowPasskey(reference, Target)).Estimate(),
            NumberUnit.Difference);
        return
        [
            Verdict.Above(
                new("The end share helps retrieval at the far end.", null,
                    "for p = 0.1 and p = 0.3, the 95 % interval of the fraction found minus that of p = 0, trial by trial, is above 0"),
                0, Far(s_tenth, s_paper), Far(s_third, s_paper)),
            Verdict.Above(
                new("Positions up to one window past the target help retrieval at the far end.", null,
                    "the 95 % interval of the fraction found minus that of p = 0, trial by trial, is above 0"),
                0, Far(s_past, s_paper)),
            Verdict.Below(
                new("The end share costs no perplexity.", null,
                    "for p = 0.1 and p = 0.3, at every window, the 95 % interval of perplexity over that of p = 0 is below 1 %"),
                Hardly, [.. from variant in (Variant[])[s_tenth, s_third]
                            from multiple in s_windows
                            select perplexity.Against(variant, s_paper, multiple)]),
            Verdict.Above(
                new("The skips matter: the same fine-tune without them finds fewer keys at the far end.", null,
                    "the 95 % interval of the fraction found with p = 0 minus the control's, trial by trial, is above 0"),
                0, Far(s_paper, s_short)),
        ];
    }

    private static Variant With(double share)
    {
        Variant pose = Variant.Pose(Target, string.Create(CultureInfo.InvariantCulture, $"p = {share}"));
        return pose with { MarginWindows = 0, Positions = pose.Positions! with { EndShare = share } };
    }
}
