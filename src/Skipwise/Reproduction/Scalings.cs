using Skipwise.Recipes;
using Skipwise.Rope;

namespace Skipwise.Reproduction;

/// <summary>
/// Beyond the paper: which scaling of RoPE should a PoSE fine-tune take? All of them on the shipped base, with the extension as the factor
/// and three times it, with a quarter of the steps and all; then the common ones on bases with heads of other widths. Beside them stands
/// the control without skips.
/// </summary>
internal sealed class Scalings : IExperiment
{
    private const int Target = 8;
    private const double Near = 0.03;
    private const string RunBase = "the shipped base";

    private static readonly int[] s_windows = [1, 2, 4, 8], s_prompts = [1, 4, 8];

    private static readonly RopeType[] s_common = [RopeType.Linear, RopeType.Ntk, RopeType.Yarn, RopeType.YarnRevised],
        s_others = [RopeType.DynamicNtk, RopeType.Llama3, RopeType.LongRope],
        s_factors = [RopeType.Linear, RopeType.Ntk, RopeType.Yarn];

    /// <inheritdoc/>
    public string Name => "scalings";

    /// <inheritdoc/>
    public string Title => "Beyond the paper: which scaling of RoPE";

    /// <inheritdoc/>
    public PaperTable? Paper => null;

    /// <inheritdoc/>
    public IEnumerable<PlannedWork> Plan(ReproductionContext context) =>
    [
        .. OnRunBase.SelectMany(variant => context.PlanFirstTokens(variant, s_windows)),
        .. context.Plan(OnRunBase, [], s_prompts),
        .. s_factors.SelectMany(rope => Fewer(context, rope)).SelectMany(variant => context.PlanFirstTokens(variant, s_windows)),
        .. Heads(context).SelectMany(family => context.WithBase(family,
            [.. OnHeads(context, family).SelectMany(variant => context.PlanFirstTokens(variant, s_windows))])),
    ];

    /// <inheritdoc/>
    public Findings Run(ReproductionContext context)
    {
        SeedSamples Measured(Variant variant, int multiple) => context.FirstTokens(variant, s_windows, multiple);
        FamilyShape[] heads = [.. Heads(context)];
        PretrainOptions shipped = ReproductionScale.ShippedPretraining;
        int width = context.Base.Config.Model.HeadDim;
        return new()
        {
            Protocol =
            [
                $"Variants: fine-tunes to {Target} times the window of {context.Window} tokens. \"{Thrice(RopeType.Yarn).Name}\" and the " +
                "like take three times the extension as the factor. Dynamic NTK is what it is at the largest position of the training, " +
                "for texts of every length; longrope has YaRN's divisors and its own scale of attention.",
                $"Bases: the shipped one, with heads of {width}; and others of its size with " +
                $"{string.Join(", ", heads.Select(family => Called(context, family)))}, pretrained by its recipe in " +
                $"{context.Scale.PretrainingListSteps} + {context.Scale.PretrainingSteps} steps (the shipped one: {shipped.ListSteps} + " +
                $"{shipped.Steps}), once, whatever the seed.",
                .. context.ProtocolOfTraining([.. OnRunBase, .. s_factors.SelectMany(rope => Fewer(context, rope))]),
                context.ProtocolOfFirstTokens([Target]),
                context.ProtocolOfPasskey(),
            ],
            Tables =
            [
                context.PerplexityTable($"Perplexity of the first tokens, {RunBase}, heads of {width}", OnRunBase, s_windows, Measured),
                context.PasskeyTable($"Fraction of passkeys found by prompt length in tokens, {RunBase}", OnRunBase, s_prompts),
                StepsTable(context, Measured),
                .. heads.Select(family => context.PerplexityTable($"Perplexity of the first tokens, {Called(context, family)}",
                    OnHeads(context, family), s_windows, Measured)),
            ],
            Verdicts = Verdicts(context, new Comparison(context, Measured), heads),
            Plots =
            [
                context.PerplexityPlot(OnRunBase, s_windows, Measured, $"{Name}-perplexity", $"Perplexity of the first tokens, {RunBase}"),
                context.PasskeyPlot(OnRunBase, s_prompts, $"{Name}-passkey"),
                context.SmallPerplexityPlots(
                    heads.Select(family => (Called(context, family), OnHeads(context, family))), s_windows, Measured, $"{Name}-heads",
                    "Perplexity of the first tokens by width of the heads"),
            ],
            RawLines =
            [
                .. ((Variant[])
                    [
                        .. OnRunBase, .. s_factors.SelectMany(rope => Fewer(context, rope)),
                        .. heads.SelectMany(family => OnHeads(context, family)),
                    ]).SelectMany(variant => context.RawFirstTokens(variant, s_windows)),
                .. context.RawLines(OnRunBase, [], s_prompts),
            ],
        };
    }

    /// <summary>All scalings on the run's base, after the base itself.</summary>
    private static IReadOnlyList<Variant> OnRunBase { get; } =
    [
        Variant.Untouched("original"),
        .. s_common.Concat(s_others).Select(rope => Variant.Interpolated(rope, Target)),
        .. s_factors.Select(Thrice),
        Variant.InterpolatedShort(Target),
    ];

    private static IEnumerable<FamilyShape> Heads(ReproductionContext context) =>
        context.Scale.HeadDivisors.Select(FamilyShape.OfHeads);

    private static string Called(ReproductionContext context, FamilyShape family) =>
        $"heads of {family.Config(context.Base.Config.Model).Model.HeadDim}";

    private static int Quarter(ReproductionContext context) => Math.Max(1, context.Scale.Steps / 4);

    /// <summary>The common scalings on a base with other heads, after the base itself.</summary>
    private static IReadOnlyList<Variant> OnHeads(ReproductionContext context, FamilyShape family)
    {
        string? folder = context.BaseOf(family);
        return
        [
            .. ((Variant[])
                [
                    Variant.Untouched("original"), .. s_common.Select(rope => Variant.Interpolated(rope, Target)),
                    Thrice(RopeType.Yarn), Variant.InterpolatedShort(Target),
                ]).Select(variant => variant with { Base = folder }),
        ];
    }

    /// <summary>PoSE with three times the extension as the factor; with YaRN it is the demo's.</summary>
    private static Variant Thrice(RopeType rope)
    {
        double factor = DemoDefaults.RopeFactorPerExtension * Target;
        return Variant.Interpolated(rope, Target) with
        {
            Name = FormattableString.Invariant($"PoSE-{Variant.NameOf(rope)} {Target}x, factor {factor}"),
            RopeFactor = factor,
        };
    }

    /// <summary>A scaling with both factors and a quarter of the steps.</summary>
    private static Variant[] Fewer(ReproductionContext context, RopeType rope) =>
    [
        .. ((Variant[])[Variant.Interpolated(rope, Target), Thrice(rope)]).Select(variant =>
            variant with { Steps = Quarter(context), Name = $"{variant.Name}, a quarter of the steps" }),
    ];

    private static NumberTable StepsTable(ReproductionContext context, Func<Variant, int, SeedSamples> measured) => new(
        $"Perplexity of the first tokens at {context.Length(Target)} by training steps, {RunBase}", "variant",
        [$"{Quarter(context)} steps", $"{context.Scale.Steps} steps"],
        [
            .. from rope in s_factors
               from pair in Fewer(context, rope).Zip([Variant.Interpolated(rope, Target), Thrice(rope)])
               select new NumberRow(pair.Second.Name,
                   [measured(pair.First, Target).Estimate(), measured(pair.Second, Target).Estimate()]),
        ], NumberUnit.Perplexity, "documents");

    private static IReadOnlyList<Verdict> Verdicts(ReproductionContext context, Comparison perplexity, FamilyShape[] heads)
    {
        Variant ntk = Variant.Interpolated(RopeType.Ntk, Target), yarn = Variant.Interpolated(RopeType.Yarn, Target),
            demo = Thrice(RopeType.Yarn);
        Variant On(FamilyShape family, Variant variant) => variant with { Base = context.BaseOf(family) };
        NamedEstimate[] OnAll(Variant variant, Variant reference) =>
        [
            perplexity.Against(variant, reference, Target).In(RunBase),
            .. heads.Select(family =>
                perplexity.Against(On(family, variant), On(family, reference), Target).In(Called(context, family))),
        ];
        return
        [
            Verdict.Above(
                new("With the extension as the factor, NTK is better than YaRN at the target, on every base.", null,
                    $"on each base, the 95 % interval of YaRN's perplexity over NTK's at {Target}x is above 0"),
                0, OnAll(yarn, ntk)),
            Verdict.Below(
                new("A factor of three times the extension helps YaRN, on every base.", null,
                    $"on each base, the 95 % interval of its perplexity at {Target}x over that with the extension itself is below 0"),
                0, OnAll(demo, yarn)),
            Verdict.Below(
                new("The demo's scaling, YaRN with three times the extension, is the best one or close to it.", null,
                    $"the 95 % interval of its perplexity at {Target}x over that of every other scaling is below 3 %"),
                Near, [.. OnRunBase.Where(variant => variant.Positions?.Mode == demo.Positions!.Mode && variant != demo)
                    .Select(variant => perplexity.Against(demo, variant, Target))]),
            Verdict.Below(
                new("Dynamic NTK, llama3 and longrope extend the window too: perplexity falls to the target.", null,
                    "the 95 % interval of each one's change from 1x to the target is below 0"),
                0, [.. s_others.Select(rope => perplexity.Change(Variant.Interpolated(rope, Target), 1, Target))]),
            Verdict.Above(
                new("The skips matter more than the scaling: YaRN without them is worse than any scaling with them.", null,
                    $"the 95 % interval of the control's perplexity at {Target}x over that of each scaling with skips is above 0"),
                0, [.. s_common.Concat(s_others).Select(rope =>
                    perplexity.Against(Variant.InterpolatedShort(Target), Variant.Interpolated(rope, Target), Target))]),
        ];
    }
}
