namespace Skipwise.Reproduction;

/// <summary>Table 5 of the paper: the number of chunks, from one (the base, and the control without skips) to a chunk per token
/// (RandPos).</summary>
internal sealed class Table5 : IExperiment
{
    private const int Target = 8; // the paper's 2k -> 16k
    private const double Hardly = 0.01, Clearly = 0.10, Fails = 1;

    private static readonly int[] s_windows = [1, 2, 4, 8];

    private static readonly Variant s_none = Variant.Untouched("1 chunk (base)"),
        s_short = Variant.Short(Target) with { Name = "1 chunk (short, no skips)" },
        s_two = Variant.Pose(Target, "2 chunks"),
        s_three = s_two with { Name = "3 chunks", Positions = s_two.Positions! with { Chunks = 3 } },
        s_randPos = Variant.RandPos(Target) with { Name = "Lc chunks (RandPos)" };

    private static readonly Variant[] s_variants = [s_none, s_short, s_two, s_three, s_randPos];

    /// <inheritdoc/>
    public string Name => "table5";

    /// <inheritdoc/>
    public string Title => "Table 5: the number of chunks";

    /// <inheritdoc/>
    public PaperTable Paper { get; } = PaperTable.Parse("The paper: LLaMA-7B, 2k to 16k, Proof-pile, window at evaluation", """
        chunks         | 2k   | 4k   | 8k   | 16k
        1 (original)   | 2.83 | >1e3 | >1e3 | >1e3
        2 (default)    | 2.95 | 2.74 | 2.61 | 2.60
        3              | 2.93 | 2.72 | 2.60 | 2.59
        2048 (RandPos) | 7.26 | 6.83 | 6.76 | 7.73
        """);

    /// <inheritdoc/>
    public IEnumerable<PlannedWork> Plan(ReproductionContext context) => context.Plan(s_variants, s_windows, []);

    /// <inheritdoc/>
    public Findings Run(ReproductionContext context) => context.PerplexityByWindow(Name,
        $"Variants: the base; fine-tunes of it to {Target} times its window of {context.Window} tokens, alike but for the number of " +
        "chunks. One chunk has no skip: that is the control.",
        s_variants, s_windows, Verdicts(new Comparison(context, context.Perplexity)));

    private static IReadOnlyList<Verdict> Verdicts(Comparison perplexity) =>
    [
        Verdict.Below(
            new("Three chunks are as good as two, or better.", "0.01 or 0.02 better at every window (0.4 to 0.7 %)",
                "at every window, the 95 % interval of the perplexity of three chunks over that of two is below 1 %"),
            Hardly, [.. s_windows.Select(multiple => perplexity.Against(s_three, s_two, multiple))]),
        Verdict.Above(
            new("A chunk per token is clearly worse: RandPos loses what the base knows.", "2.5 to 3.0 times the perplexity of two chunks",
                "at every window, the 95 % interval of RandPos's perplexity over that of two chunks is above 10 %"),
            Clearly, [.. s_windows.Select(multiple => perplexity.Against(s_randPos, s_two, multiple))]),
        Verdict.Above(
            new("One chunk without training fails at the target.", "2.83 at 2k, above 1000 from 4k on",
                $"the 95 % interval of the base's increase of perplexity from 1x to {Target}x is above 100 %"),
            Fails, perplexity.Change(s_none, 1, Target)),
        Verdict.Above(
            new("One chunk is not enough: training without skips is worse at the target than two chunks.", null,
                "the 95 % interval of the control's perplexity over that of two chunks at the target is above 0"),
            0, perplexity.Against(s_short, s_two, Target)),
    ];
}
