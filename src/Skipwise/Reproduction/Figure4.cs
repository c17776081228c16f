using Skipwise.Reports;
using Skipwise.Reports.Plots;
using Skipwise.Rope;

namespace Skipwise.Reproduction;

/// <summary>Figure 4 of the paper: PoSE with each interpolation on several model families. The bases of the other families are pretrained
/// here, by the recipe of the shipped one. Beside them stands the control without skips.</summary>
internal sealed class Figure4 : IPaperExperiment
{
    private const int Target = 8; // the paper's 2k -> 16k
    private const double Little = 0.05, Near = 0.03;

    private static readonly int[] s_windows = [1, 2, 4, 8];

    private static readonly RopeType[] s_ropes = [RopeType.Linear, RopeType.Ntk, RopeType.Yarn, RopeType.YarnRevised];

    /// <inheritdoc/>
    public string Name => "fig4";

    /// <inheritdoc/>
    public string Title => "Figure 4: model families and interpolations";

    /// <inheritdoc/>
    public PaperTable Paper { get; } = PaperTable.Parse("The paper: GovReport, perplexity of the first N tokens, PoSE from 2k to 16k", """
        model         | variant  | 1k   | 2k   | 4k   | 8k   | 12k  | 14k  | 16k
        LLaMA-7B      | original | 5.20 | 4.98 | off  | off  | off  | off  | off
        LLaMA-7B      | Linear   | 5.30 | 5.09 | 4.92 | 4.84 | 4.78 | 4.78 | 4.82
        LLaMA-7B      | NTK      | 5.21 | 5.01 | 4.84 | 4.77 | 4.83 | 5.06 | 5.46
        LLaMA-7B      | YaRN     | 5.19 | 5.00 | 4.83 | 4.77 | 4.72 | 4.73 | 4.76
        LLaMA2-7B     | original | 5.08 | 4.86 | 4.69 | off  | off  | off  | off
        LLaMA2-7B     | Linear   | 5.13 | 4.92 | 4.74 | 4.65 | 4.59 | 4.58 | 4.59
        LLaMA2-7B     | NTK      | 5.09 | 4.88 | 4.70 | 4.62 | 4.57 | 4.63 | 4.93
        LLaMA2-7B     | YaRN     | 5.08 | 4.88 | 4.71 | 4.63 | 4.57 | 4.57 | 4.60
        GPT-J-6B      | original | 8.68 | 8.20 | off  | off  | off  | off  | off
        GPT-J-6B      | Linear   | 9.12 | 8.60 | 8.16 | 7.98 | 7.88 | 7.84 | 7.83
        GPT-J-6B      | NTK      | 8.77 | 8.29 | 7.88 | 7.74 | 7.77 | 7.91 | 8.32
        GPT-J-6B      | YaRN     | 8.82 | 8.33 | 7.93 | 7.83 | 7.79 | 7.77 | 7.84
        Baichuan2-7B  | original | 6.70 | 6.30 | 5.99 | off  | off  | off  | off
        Baichuan2-7B  | Linear   | 7.07 | 6.63 | 6.27 | 6.16 | 6.07 | 6.06 | 6.07
        Baichuan2-7B  | NTK      | 6.83 | 6.44 | 6.13 | 6.04 | 5.97 | 5.97 | 6.01
        Baichuan2-7B  | YaRN     | 6.87 | 6.49 | 6.18 | 6.09 | 6.01 | 6.01 | 6.02
        """);

    /// <inheritdoc/>
    public IEnumerable<PlannedWork> Plan(ReproductionContext context) =>
    [
        .. FamilyShape.All.SelectMany(family => (IEnumerable<PlannedWork>)
            [
                .. context.PlanBase(family),
                .. Of(context, family).All.SelectMany(variant => context.PlanFirstTokens(variant, s_windows)),
            ]),
    ];

    /// <inheritdoc/>
    public ReproductionResult Run(ReproductionContext context)
    {
        Variants[] families = [.. FamilyShape.All.Select(family => Of(context, family))];
        return new()
        {
            Name = Name,
            Title = Title,
            Scale = context.Scale.Name,
            Seeds = context.Scale.Seeds,
            Protocol =
            [
                $"Bases: {string.Join(", ", FamilyShape.All.Select(family => $"{family.Name} ({family.Paper})"))}. That of llama is the " +
                "shipped one. The others have its width, layers, heads, tokenizer and text, and are pretrained by its recipe in " +
                $"{context.Scale.PretrainingListSteps} + {context.Scale.PretrainingSteps} steps (the shipped one: 1000 + 3600), once, " +
                "whatever the seed. gptj and gpt_neox rotate half of each head.",
                $"Variants: fine-tunes to {Target} times the window of {context.Window} tokens. RoPE's factor is the extension, as in " +
                "the paper. YaRN is as published; revised YaRN is what the paper's code computes.",
                .. context.ProtocolOfTraining(),
                context.ProtocolOfFirstTokens(Target),
            ],
            Paper = Paper,
            Tables =
            [
                .. families.Select(family => new NumberTable($"Perplexity of the first tokens, {family.Family.Name}", "variant",
                    [.. s_windows.Select(context.Length)],
                    [.. family.All.Select(variant => new NumberRow(variant.Name,
                        [.. s_windows.Select(multiple => context.FirstTokens(variant, s_windows, multiple).Estimate())]))],
                    NumberUnit.Perplexity)),
            ],
            Verdicts = Verdicts(context, families),
            Plots =
            [
                new ReportBlock.SmallPlots(
                    [.. families.Select(family => (family.Family.Name, LengthPlot.Perplexity(
                        context.Points(family.All, s_windows, (variant, multiple) => context.FirstTokens(variant, s_windows, multiple)),
                        context.Window, ModelLegend.Create(family.All.Select(variant => variant.Name)))))],
                    $"{Name}-perplexity", "Perplexity of the first tokens; lower is better. Arrows: too large for this axis."),
            ],
            RawLines = [.. families.SelectMany(family => family.All).SelectMany(variant => context.RawFirstTokens(variant, s_windows))],
        };
    }

    private static IReadOnlyList<Verdict> Verdicts(ReproductionContext context, Variants[] families)
    {
        SeedSamples Measured(Variant variant, int multiple) => context.FirstTokens(variant, s_windows, multiple);
        (string, Estimate) Against(Variants family, Variant variant, Variant reference, int multiple) =>
            ($"{family.Family.Name}, {variant.Name} over {reference.Name} at {context.Length(multiple)}",
                ReproductionContext.RelativeTo(Measured(variant, multiple), Measured(reference, multiple)));
        (string, Estimate) Change(Variants family, Variant variant, int from, int to) =>
            ($"{family.Family.Name}, {variant.Name} from {context.Length(from)} to {context.Length(to)}",
                ReproductionContext.RelativeTo(Measured(variant, to), Measured(variant, from)));
        return
        [
            Verdict.Above(
                new("Every family fails past its window without tuning.", "all originals leave the plot",
                    $"the 95 % interval of each base's increase of perplexity from 1x to {Target}x is above 100 %"),
                1, [.. families.Select(family => Change(family, family.None, 1, Target))]),
            Verdict.Below(
                new("PoSE extends every family with some interpolation: perplexity falls to the target.",
                    "with linear or YaRN, 16k is below 2k in every family",
                    "in each family, the 95 % interval of the change from 1x to the target is below 0 for the interpolation that is " +
                    "best there"),
                0, [.. families.Select(family => Change(family, Best(family), 1, Target))]),
            Verdict.Above(
                new("NTK turns up at the target in Llama, where YaRN does not.", "4.77 at 8k, 5.46 at 16k; YaRN 4.77, 4.76",
                    "the 95 % interval of NTK's perplexity over YaRN's at the target is above 0 in llama"),
                0, Against(families[0], families[0].With(RopeType.Ntk), families[0].With(RopeType.Yarn), Target)),
            Verdict.Below(
                new("Inside the window, NTK and YaRN cost little in every family.", "+0.4 to +3.0 % at 2k",
                    "in each family, the 95 % interval of their perplexity over the base's at 1x is below 5 %"),
                Little, [.. from family in families
                            from rope in (RopeType[])[RopeType.Ntk, RopeType.Yarn]
                            select Against(family, family.With(rope), family.None, 1)]),
            Verdict.Above(
                new("Linear interpolation costs the most inside the window, in every family.", "+1.2 to +5.2 % at 2k",
                    "in each family, the 95 % interval of linear's perplexity over NTK's and YaRN's at 1x is above 0"),
                0, [.. from family in families
                       from rope in (RopeType[])[RopeType.Ntk, RopeType.Yarn]
                       select Against(family, family.With(RopeType.Linear), family.With(rope), 1)]),
            Verdict.Below(
                new("The paper's revised YaRN is no better than YaRN as published.", null,
                    "in each family, the 95 % interval of YaRN's perplexity over revised YaRN's at the target is below 3 %"),
                Near, [.. families.Select(family =>
                    Against(family, family.With(RopeType.Yarn), family.With(RopeType.YarnRevised), Target))]),
            Verdict.Above(
                new("The skips matter in every family: the same fine-tune without them is worse at the target.", null,
                    "in each family, the 95 % interval of the control's perplexity over PoSE-YaRN's at the target is above 0"),
                0, [.. families.Select(family => Against(family, family.Short, family.With(RopeType.Yarn), Target))]),
        ];

        Variant Best(Variants family) => s_ropes.Select(family.With).MinBy(variant => Measured(variant, Target).Estimate().Mean)!;
    }

    private static Variants Of(ReproductionContext context, FamilyShape family)
    {
        string? folder = context.BaseOf(family);
        return new(family, Variant.Untouched("original") with { Base = folder },
            [.. s_ropes.Select(rope => Table2.Interpolated(rope, Target) with { Base = folder })],
            Variant.Short(Target) with { Name = $"short-YaRN {Target}x (no skips)", RopeFactor = Target, Base = folder });
    }

    /// <summary>The variants of one family.</summary>
    private sealed record Variants(FamilyShape Family, Variant None, IReadOnlyList<Variant> Pose, Variant Short)
    {
        public IEnumerable<Variant> All => [None, .. Pose, Short];

        public Variant With(RopeType rope) => Pose[Array.IndexOf(s_ropes, rope)];
    }
}
