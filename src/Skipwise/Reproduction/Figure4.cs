using Skipwise.Recipes;
using Skipwise.Rope;

namespace Skipwise.Reproduction;

/// <summary>Figure 4 of the paper: PoSE with each interpolation on several model families. The bases of the other families are pretrained
/// here, by the recipe of the shipped one. Beside them stands the control without skips.</summary>
internal sealed class Figure4 : IExperiment
{
    private const int Target = 8, Half = 4; // the paper's 2k -> 16k, and 8k
    private const double Little = 0.05, Near = 0.03, Hardly = 0.01, Fails = 1;

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
    public IEnumerable<PlannedWork> Plan(ReproductionContext context) => context.Scale.Families.SelectMany(family =>
        context.WithBase(family, [.. Of(context, family).All.SelectMany(variant => context.PlanFirstTokens(variant, s_windows))]));

    /// <inheritdoc/>
    public Findings Run(ReproductionContext context)
    {
        Variants[] families = [.. context.Scale.Families.Select(family => Of(context, family))];
        SeedSamples Measured(Variant variant, int multiple) => context.FirstTokens(variant, s_windows, multiple);
        PretrainOptions shipped = ReproductionScale.ShippedPretraining;
        return new()
        {
            Protocol =
            [
                $"Bases: {string.Join(", ", families.Select(each => $"{each.Family.Name} ({each.Family.Paper})"))}. That of llama is " +
                "the shipped one. The others have its width, layers, heads, tokenizer and text, and are pretrained by its recipe in " +
                $"{context.Scale.PretrainingListSteps} + {context.Scale.PretrainingSteps} steps (the shipped one: {shipped.ListSteps} + " +
                $"{shipped.Steps}), once, whatever the seed. GPT-J and GPT-NeoX rotate half of each head.",
                $"Variants: fine-tunes to {Target} times the window of {context.Window} tokens, the same for each family. YaRN is as " +
                "published; revised YaRN is what the paper's code computes.",
                .. context.ProtocolOfTraining(families[0].All),
                context.ProtocolOfFirstTokens([Target]),
            ],
            Tables =
            [
                .. families.Select(family => context.PerplexityTable($"Perplexity of the first tokens, {family.Family.Name}", family.All,
                    s_windows, Measured)),
            ],
            Verdicts = Verdicts(new Comparison(context, Measured), families,
                family => s_ropes.Select(family.With).MinBy(variant => // a model that diverged is not the best
                    Measured(variant, Target).Estimate().Mean is var mean && double.IsNaN(mean) ? double.MaxValue : mean)!),
            Plots =
            [
                context.SmallPerplexityPlots(families.Select(family => (family.Family.Name, family.All)), s_windows, Measured,
                    $"{Name}-perplexity", "Perplexity of the first tokens"),
            ],
            RawLines = [.. families.SelectMany(family => family.All).SelectMany(variant => context.RawFirstTokens(variant, s_windows))],
        };
    }

    /// <param name="perplexity">of the first tokens</param>
    /// <param name="families">llama first</param>
    /// <param name="best">of a family: its PoSE fine-tune with the lowest perplexity at the target</param>
    private static IReadOnlyList<Verdict> Verdicts(Comparison perplexity, Variants[] families, Func<Variants, Variant> best)
    {
        NamedEstimate Against(Variants family, Variant variant, Variant reference, int multiple) =>
            perplexity.Against(variant, reference, multiple).In(family.Family.Name);
        NamedEstimate Change(Variants family, Variant variant, int from, int to) =>
            perplexity.Change(variant, from, to).In(family.Family.Name);
        return
        [
            Verdict.Above(
                new("Every family fails at the target without tuning.", "all originals leave the plot before 16k",
                    $"the 95 % interval of each base's increase of perplexity from 1x to {Target}x is above 100 %"),
                Fails, [.. families.Select(family => Change(family, family.None, 1, Target))]),
            Verdict.Below(
                new("PoSE extends every family with some interpolation: perplexity falls to the target.",
                    "with linear or YaRN, 16k is below 2k in every family",
                    "in each family, the 95 % interval of the change from 1x to the target is below 0 for the interpolation that is " +
                    "best there"),
                0, [.. families.Select(family => Change(family, best(family), 1, Target))]),
            Verdict.Of(
                new("NTK turns up before the target in Llama, where YaRN does not.", "NTK 4.77 at 8k, 5.46 at 16k; YaRN 4.77, 4.76",
                    $"in llama, the 95 % interval of the change from {Half}x to {Target}x is above 0 with NTK, and below 1 % with YaRN"),
                VerdictNumber.Above(Change(families[0], families[0].With(RopeType.Ntk), Half, Target), 0),
                VerdictNumber.Below(Change(families[0], families[0].With(RopeType.Yarn), Half, Target), Hardly)),
            Verdict.Below(
                new("Inside the window, NTK and YaRN cost little in every family.", "+0.4 to +3.0 % at 2k",
                    "in each family, the 95 % interval of their perplexity over the base's at 1x is below 5 %"),
                Little, [.. from family in families
                            from rope in (RopeType[])[RopeType.Ntk, RopeType.Yarn]
                            select Against(family, family.With(rope), family.None, 1)]),
            Verdict.Above(
                new("Linear interpolation costs more inside the window than NTK and YaRN, in every family.",
                    "over the originals at 2k: linear +1.2 to +5.2 %, NTK and YaRN +0.4 to +3.0 %",
                    "in each family, the 95 % interval of linear's perplexity over NTK's and YaRN's at 1x is above 0"),
                0, [.. from family in families
                       from rope in (RopeType[])[RopeType.Ntk, RopeType.Yarn]
                       select Against(family, family.With(RopeType.Linear), family.With(rope), 1)]),
            Verdict.Below(
                new("The paper's revised YaRN is hardly better than YaRN as published.", null,
                    "in each family, the 95 % interval of YaRN's perplexity over revised YaRN's at the target is below 3 %"),
                Near, [.. families.Select(family =>
                    Against(family, family.With(RopeType.Yarn), family.With(RopeType.YarnRevised), Target))]),
            Verdict.Above(
                new("The skips matter in every family: the same fine-tune without them is worse at the target.", null,
                    "in each family, the 95 % interval of the control's perplexity over PoSE-YaRN's at the target is above 0"),
                0, [.. families.Select(family => Against(family, family.Short, family.With(RopeType.Yarn), Target))]),
        ];
    }

    private static Variants Of(ReproductionContext context, FamilyShape family)
    {
        string? folder = context.BaseOf(family);
        return new(family, Variant.Untouched("original") with { Base = folder },
            [.. s_ropes.Select(rope => Variant.Interpolated(rope, Target) with { Base = folder })],
            Variant.InterpolatedShort(Target) with { Base = folder });
    }

    /// <summary>The variants of one family.</summary>
    private sealed record Variants(FamilyShape Family, Variant None, IReadOnlyList<Variant> Pose, Variant Short)
    {
        public IReadOnlyList<Variant> All => [None, .. Pose, Short];

        public Variant With(RopeType rope) => Pose[Array.IndexOf(s_ropes, rope)];
    }
}
