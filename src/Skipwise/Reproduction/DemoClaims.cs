using Skipwise.Recipes;

namespace Skipwise.Reproduction;

/// <summary>Beyond the paper: the demo's own claim, over more seeds than one. How often does it hold? Beside PoSE stands the control
/// without skips.</summary>
internal sealed class DemoClaims : IExperiment
{
    private static readonly string s_most = NumberText.InVerdict(Demo.MostPasskeys, NumberUnit.Fraction),
        s_few = NumberText.InVerdict(Demo.FewPasskeys, NumberUnit.Fraction);

    private static readonly int s_target = DemoDefaults.Options.ExtensionFactor;

    private static readonly int[] s_inside = [.. DemoDefaults.Options.LengthMultiples.Where(multiple => multiple <= s_target)],
        s_past = [.. DemoDefaults.Options.LengthMultiples.Where(multiple => multiple > 1)], s_windows = [1, s_target];

    private static readonly Variant s_none = Variant.Untouched();

    /// <inheritdoc/>
    public string Name => "demo";

    /// <inheritdoc/>
    public string Title => "Beyond the paper: how often the claim of the demo holds";

    /// <inheritdoc/>
    public PaperTable? Paper => null;

    /// <inheritdoc/>
    public IEnumerable<PlannedWork> Plan(ReproductionContext context) =>
    [
        .. context.Plan([s_none], s_windows, DemoDefaults.Options.LengthMultiples),
        .. context.Plan([Pose(context), Control(context)], s_windows, s_inside),
    ];

    /// <inheritdoc/>
    public Findings Run(ReproductionContext context)
    {
        Variant pose = Pose(context), control = Control(context);
        Variant[] variants = [pose, control];
        return new()
        {
            Seeds = SeedsOf(context),
            Protocol =
            [
                $"Variants: the base, and the demo's two fine-tunes to {s_target} times its window of {context.Window} tokens, with more " +
                "seeds than other experiments have.",
                .. context.ProtocolOfTraining(variants),
                context.ProtocolOfPerplexity(),
                context.ProtocolOfPasskey(),
            ],
            Tables =
            [
                .. variants.SelectMany(variant => (NumberTable[])
                    [
                        BySeed(context, $"Fraction of passkeys found by prompt length in tokens, {variant.Name}", variant, s_inside,
                            context.Passkey, NumberUnit.Fraction, "trials"),
                        BySeed(context, $"Perplexity by window in tokens, {variant.Name}", variant, s_windows, context.Perplexity,
                            NumberUnit.Perplexity, "documents"),
                    ]),
            ],
            Verdicts = Verdicts(context, pose, control),
            Plots = [context.PasskeyPlot([s_none, control, pose], s_inside, $"{Name}-passkey")],
            RawLines =
            [
                .. context.RawLines([s_none], s_windows, DemoDefaults.Options.LengthMultiples),
                .. context.RawLines(variants, s_windows, s_inside),
            ],
        };
    }

    private static Variant Pose(ReproductionContext context) => AsDemo(context, Variant.Pose(s_target));

    private static Variant Control(ReproductionContext context) => AsDemo(context, Variant.Short(s_target));

    private static Variant AsDemo(ReproductionContext context, Variant variant) =>
        variant with { Seeds = SeedsOf(context), Steps = context.Scale.DemoSteps };

    private static int SeedsOf(ReproductionContext context) => Math.Max(context.Scale.Seeds, context.Scale.DemoSeeds);

    /// <summary>A row per seed.</summary>
    private static NumberTable BySeed(ReproductionContext context, string caption, Variant variant, int[] multiples,
        Func<Variant, int, SeedSamples> measured, NumberUnit unit, string samples) => new(
        caption, "seed", [.. multiples.Select(context.Length)],
        [
            .. context.SeedsOf(variant).Select((seed, row) => new NumberRow($"{seed}",
                [.. multiples.Select(multiple => OneSeed(measured(variant, multiple).Values[row]).Estimate())])),
        ], unit, samples);

    private static SeedSamples OneSeed(IReadOnlyList<double> samples) => new([samples], IsTrained: false);

    private static IReadOnlyList<Verdict> Verdicts(ReproductionContext context, Variant pose, Variant control)
    {
        double Mean(Func<Variant, int, SeedSamples> measured, Variant variant, int multiple, int row) =>
            measured(variant, multiple).Values[row].Average();
        bool Finds(Variant variant, int row) =>
            s_inside.Min(multiple => Mean(context.Passkey, variant, multiple, row)) >= Demo.MostPasskeys - 1e-9; // 19 of 20 is enough
        bool Reads(int row) => Mean(context.Perplexity, pose, s_target, row) <= Mean(context.Perplexity, pose, 1, row);
        int seeds = context.SeedsOf(pose).Count;
        NamedEstimate Share(string what, Func<int, bool> holds) => new($"{what}, of {seeds} seeds",
            new Estimate(Enumerable.Range(0, seeds).Count(holds) / (double)seeds, null, null, seeds, seeds), NumberUnit.Fraction);
        var ofBase = Verdict.Of(
            new("The base finds the passkey inside its window only.", null,
                $"at least {s_most} of the trials at 1x are correct, and at most {s_few} at every longer length"),
            [
                VerdictNumber.AtLeast(At(context, 1), Demo.MostPasskeys),
                .. s_past.Select(multiple => VerdictNumber.AtMost(At(context, multiple), Demo.FewPasskeys)),
            ]);
        return
        [
            Verdict.AtLeast(
                new("The demo's claim, all of it together, holds with every seed.", null,
                    "with every seed, the base, the passkeys and the perplexity are as in the three claims below"),
                1, Share("share of seeds with which it holds",
                    row => ofBase.Outcome == Outcome.Holds && Finds(pose, row) && Reads(row))),
            ofBase,
            Verdict.AtLeast(
                new($"Every seed's PoSE finds the passkey at every length up to {s_target}x.", null,
                    $"with every seed, at least {s_most} of the trials at every length are correct"),
                1, Share("share of seeds that do", row => Finds(pose, row))),
            Verdict.AtLeast(
                new($"Every seed's perplexity at {s_target}x is at most that at 1x.", null,
                    "with every seed, the mean over documents is"),
                1, Share("share of seeds whose is", Reads)),
            Verdict.AtMost(
                new("The skips matter: no seed's control finds the passkey at every length.", null,
                    $"with no seed, at least {s_most} of the trials at every length are correct"),
                0, Share("share of seeds whose control does", row => Finds(control, row))),
        ];
    }

    private static NamedEstimate At(ReproductionContext context, int multiple) => new(
        $"{s_none.Name} at {context.Length(multiple)}", context.Passkey(s_none, multiple).Estimate(), NumberUnit.Fraction);
}
