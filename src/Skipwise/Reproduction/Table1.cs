namespace Skipwise.Reproduction;

/// <summary>
/// Table 1 of the paper: perplexity by window of the base, and of fine-tunes at full length, by RandPos and by PoSE. Beside them stands the
/// control without skips.
/// </summary>
internal sealed class Table1 : IExperiment
{
    private const int Near = 8, Far = 16; // the paper's 2k -> 16k and 2k -> 32k
    private const double Margin = 0.03, Clearly = 0.10, Fails = 1;

    private static readonly int[] s_windows = [1, 2, 4, 8, 16];

    private static readonly Variant s_none = Variant.Untouched(), s_full = Variant.FullLength(Near), s_short = Variant.Short(Near),
        s_randPos = Variant.RandPos(Near), s_farRandPos = Variant.RandPos(Far), s_pose = Variant.Pose(Near), s_farPose = Variant.Pose(Far);

    private static readonly Variant[] s_variants = [s_none, s_full, s_randPos, s_farRandPos, s_short, s_pose, s_farPose];

    /// <inheritdoc/>
    public string Name => "table1";

    /// <inheritdoc/>
    public string Title => "Table 1: perplexity by training method";

    /// <inheritdoc/>
    public PaperTable Paper { get; } = PaperTable.Parse("The paper: LLaMA-7B, GovReport / Proof-pile, window at evaluation", """
        method, train / target | 2k            | 4k            | 8k            | 16k           | 32k
        none                   | 4.74 / 2.83   | >1e3          | >1e3          | >1e3          | >1e3
        full-length, 16k / 16k | 4.87 / 2.93   | 4.70 / 2.71   | 4.61 / 2.58   | 4.59 / 2.53   | -
        RandPos, 2k / 16k      | 11.63 / 7.26  | 11.17 / 6.83  | 11.54 / 6.76  | 15.16 / 7.73  | -
        RandPos, 2k / 32k      | 93.43 / 60.74 | 95.85 / 63.54 | 91.79 / 60.56 | 93.22 / 63.15 | 97.57 / 66.47
        PoSE, 2k / 16k         | 4.84 / 2.95   | 4.68 / 2.74   | 4.60 / 2.61   | 4.60 / 2.60   | -
        PoSE, 2k / 32k         | 4.91 / 3.01   | 4.76 / 2.78   | 4.68 / 2.66   | 4.64 / 2.60   | 4.66 / 2.59
        """);

    /// <inheritdoc/>
    public IEnumerable<PlannedWork> Plan(ReproductionContext context) => context.Plan(s_variants, s_windows, []);

    /// <inheritdoc/>
    public Findings Run(ReproductionContext context) => context.PerplexityByWindow(Name,
        $"Variants: the base; fine-tunes of it to {Near} and {Far} times its window of {context.Window} tokens, alike but for their " +
        "positions. Full-length training sees windows of the target's length, all others windows of the base's.",
        s_variants, s_windows, Verdicts(new Comparison(context, context.Perplexity)));

    private static IReadOnlyList<Verdict> Verdicts(Comparison perplexity)
    {
        int[] near = [.. s_windows.Where(multiple => multiple <= Near)], far = [.. s_windows.Where(multiple => multiple <= Far)];
        return
        [
            Verdict.Below(
                new("PoSE is as good as full-length training.", "at most +0.01 on GovReport (0.2 %), +0.07 on Proof-pile (2.8 %)",
                    "at every window up to the target, the 95 % interval of PoSE's perplexity over full-length's is below 3 %"),
                Margin, [.. near.Select(multiple => perplexity.Against(s_pose, s_full, multiple))]),
            Verdict.Above(
                new("RandPos is clearly worse than PoSE at every window.",
                    "2.4 to 3.3 times PoSE's perplexity with a target of 16k, 19 to 26 times with 32k",
                    "at every window up to each target, the 95 % interval of RandPos's perplexity over PoSE's is above 10 %"),
                Clearly,
                [
                    .. near.Select(multiple => perplexity.Against(s_randPos, s_pose, multiple)),
                    .. far.Select(multiple => perplexity.Against(s_farRandPos, s_farPose, multiple)),
                ]),
            Verdict.Below(
                new("PoSE's perplexity falls from the base's window to the target.",
                    "4.84 to 4.60 and 2.95 to 2.60 with a target of 16k, 4.91 to 4.66 and 3.01 to 2.59 with 32k",
                    "for both targets, the 95 % interval of the change is below 0"),
                0, perplexity.Change(s_pose, 1, Near), perplexity.Change(s_farPose, 1, Far)),
            Verdict.Below(
                new($"Aiming at {Far}x in place of {Near}x costs little on the base's window.",
                    "+0.07 on GovReport (1.4 %), +0.06 on Proof-pile (2.0 %)",
                    $"the 95 % interval of the perplexity of PoSE {Far}x over that of PoSE {Near}x at 1x is below 3 %"),
                Margin, perplexity.Against(s_farPose, s_pose, 1)),
            Verdict.Above(
                new("Without tuning, the base fails at the target.", "4.74 at 2k, above 1000 from 4k on",
                    $"the 95 % interval of its increase of perplexity from 1x to {Near}x is above 100 %"),
                Fails, perplexity.Change(s_none, 1, Near)),
            Verdict.Above(
                new("The skips matter: the same fine-tune without them is worse at the target.", null,
                    "the 95 % interval of the control's perplexity over PoSE's at the target is above 0"),
                0, perplexity.Against(s_short, s_pose, Near)),
        ];
    }
}
