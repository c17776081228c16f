using Skipwise.Positions;

namespace Skipwise.Reproduction;

/// <summary>Table 4 of the paper: where the text of a chunk comes from. Beside the three content modes stands the control without
/// skips.</summary>
internal sealed class Table4 : IExperiment
{
    private const int Target = 8; // the paper's 2k -> 16k
    private const double Margin = 0.03, Hardly = 0.01;

    private static readonly int[] s_windows = [1, 2, 4, 8];

    private static readonly Variant s_short = Variant.Short(Target),
        s_skip = With(ContentMode.Skip, "v drawn (skip)"),
        s_contiguous = With(ContentMode.Contiguous, "v = 0 (contiguous)"),
        s_follow = With(ContentMode.Follow, "v = u (follow)");

    private static readonly Variant[] s_variants = [s_skip, s_contiguous, s_follow, s_short];

    /// <inheritdoc/>
    public string Name => "table4";

    /// <inheritdoc/>
    public string Title => "Table 4: where the text of the chunks comes from";

    /// <inheritdoc/>
    public PaperTable Paper { get; } = PaperTable.Parse("The paper: LLaMA-7B, 2k to 16k, GovReport / Proof-pile, window at evaluation", """
        v                   | 2k          | 4k          | 8k          | 16k
        v drawn (default)   | 4.84 / 2.95 | 4.68 / 2.74 | 4.60 / 2.61 | 4.60 / 2.60
        v = 0 (contiguous)  | 4.85 / 2.96 | 4.72 / 2.75 | 4.64 / 2.63 | 4.68 / 2.61
        v = u (follow)      | 4.84 / 2.95 | 4.68 / 2.73 | 4.60 / 2.60 | 4.60 / 2.56
        """);

    /// <inheritdoc/>
    public IEnumerable<PlannedWork> Plan(ReproductionContext context) => context.Plan(s_variants, s_windows, []);

    /// <inheritdoc/>
    public Findings Run(ReproductionContext context) => context.PerplexityByWindow(Name,
        $"Variants: fine-tunes of the base to {Target} times its window of {context.Window} tokens, alike but for v, the tokens of the " +
        "document that are skipped before a chunk. The control is contiguous text with contiguous positions.",
        s_variants, s_windows, Verdicts(new Comparison(context, context.Perplexity)));

    private static IReadOnlyList<Verdict> Verdicts(Comparison perplexity) =>
    [
        Verdict.Below(
            new("It matters little where the text of the chunks comes from.", "at most 2.0 % apart",
                "at every window, the 95 % interval of each mode's perplexity over each other's is below 3 %"),
            Margin,
            [
                .. from multiple in s_windows
                   from pair in ((Variant, Variant)[])
                       [
                           (s_skip, s_contiguous), (s_contiguous, s_skip), (s_skip, s_follow), (s_follow, s_skip),
                           (s_contiguous, s_follow), (s_follow, s_contiguous),
                       ]
                   select perplexity.Against(pair.Item1, pair.Item2, multiple),
            ]),
        Verdict.Below(
            new("Text that follows its positions is best or equal at the target.", "4.60 of 4.60 to 4.68, 2.56 of 2.56 to 2.61",
                $"the 95 % interval of its perplexity over each other mode's at {Target}x is below 1 %"),
            Hardly, perplexity.Against(s_follow, s_skip, Target), perplexity.Against(s_follow, s_contiguous, Target)),
        Verdict.Above(
            new("The skips matter in every mode: the same fine-tune without them is worse at the target.", null,
                "the 95 % interval of the control's perplexity over each mode's at the target is above 0"),
            0, perplexity.Against(s_short, s_skip, Target), perplexity.Against(s_short, s_contiguous, Target),
            perplexity.Against(s_short, s_follow, Target)),
    ];

    private static Variant With(ContentMode content, string name)
    {
        Variant pose = Variant.Pose(Target, name);
        return pose with { Positions = pose.Positions! with { Content = content } };
    }
}
