using Skipwise.Evaluation.Results;
using Skipwise.Models;
using Skipwise.Reports;
using Skipwise.Reports.Plots;

namespace Skipwise.Reproduction;

/// <summary>Figure 3 of the paper: memory and time of a training step by target, of PoSE and of full-length training, and the quality that
/// a number of steps buys. Beside them the quality of the control without skips.</summary>
internal sealed class Figure3 : IExperiment
{
    private const int Target = 8; // of the quality; the paper's 2k -> 16k
    private const string Pose = "PoSE", Full = "full-length", RunPose = "PoSE, run";
    private const double Flat = 1.05, FlatTime = 1.25, MemoryRatio = 2, TimeRatio = 3, Margin = 0.03, Most = 0.5;
    private const int Quarter = 1; // of s_percent

    private static readonly int[] s_percent = [10, 25, 50, 100];

    private static readonly Variant s_full = Variant.FullLength(Target), s_pose = Variant.Pose(Target), s_short = Variant.Short(Target),
        s_start = s_pose with { Name = $"{s_pose.Name}, not trained", Positions = null };

    private static readonly Variant[] s_variants = [s_full, s_pose, s_short];

    /// <inheritdoc/>
    public string Name => "fig3";

    /// <inheritdoc/>
    public string Title => "Figure 3: memory and time by target, quality by training step";

    /// <inheritdoc/>
    public PaperTable Paper { get; } = PaperTable.Parse("The paper: LLaMA-7B, 1,000 steps on 8 V100, by target", """
        quantity                        | 4k   | 8k   | 16k
        memory per GPU, full-length, GB | 16.0 | 21.9 | 31.0
        memory per GPU, PoSE, GB        | 14.5 | 14.5 | 14.5
        time, full-length, h            | 4.02 | 7.00 | 13.66
        time, PoSE, h                   | 3.50 | 3.68 | 3.78
        """);

    /// <inheritdoc/>
    public IEnumerable<PlannedWork> Plan(ReproductionContext context) =>
        [.. context.Plan(Measured(context), [Target], []), .. Costs(context).SelectMany(costs => costs.Plan())];

    /// <inheritdoc/>
    public Findings Run(ReproductionContext context)
    {
        StepCosts[] all = [.. Costs(context)];
        return new()
        {
            Protocol = Protocol(context, all),
            Tables =
            [
                .. all.SelectMany(costs => (NumberTable[])
                    [
                        CostTable($"Memory of a step of {costs.Name} parameters in MiB", NumberUnit.Mebibytes, costs,
                            cost => Mebibytes(cost.Bytes), step => Mebibytes(step.Bytes)),
                        CostTable($"Time of a step of {costs.Name} parameters in seconds", NumberUnit.Seconds, costs,
                            cost => cost.Seconds, step => step.Seconds),
                    ]),
                new NumberTable($"Perplexity at {context.Length(Target)} by training steps", "variant",
                    [.. s_percent.Select(percent => $"{Steps(context, percent)} steps")],
                    [.. s_variants.Select(variant => new NumberRow(variant.Name,
                        [.. Stages(context, variant).Select(stage => context.Perplexity(stage, Target).Estimate())]))],
                    NumberUnit.Perplexity, "documents"),
            ],
            Verdicts = [.. CostVerdicts(all), .. QualityVerdicts(context)],
            Plots =
            [
                .. all.SelectMany(costs => (ReportBlock[])
                    [
                        CostPlot("memory", "memory of a step (MiB)", costs, cost => Mebibytes(cost.Bytes), step => Mebibytes(step.Bytes),
                            $"Peak memory of a step of {costs.Name} parameters, without the process"),
                        CostPlot("time", "time of a step (s)", costs, cost => cost.Seconds, step => step.Seconds,
                            $"Time of a step of {costs.Name} parameters on the machine that measured it first"),
                    ]),
                new ReportBlock.Plot(
                    LinesPlot.Figure($"Perplexity at {Target}x by training steps", "training steps", "perplexity", fromZero: false,
                        s_variants.ToDictionary(variant => variant.Name, variant => (IReadOnlyList<(double, double)>)
                            [.. Stages(context, variant).Select(stage =>
                                ((double)context.Models.StepsOf(stage), context.Perplexity(stage, Target).Estimate().Mean))]),
                        ModelLegend.Create(s_variants.Select(variant => variant.Name))),
                    $"{Name}-quality", $"Perplexity at {Target}x by training steps; lower is better."),
            ],
            RawLines =
            [
                .. from costs in all
                   from target in costs.Targets
                   from each in ((string Method, StepCost Cost)[])
                       [(Full, costs.Estimated(target)), (Pose, costs.Estimated(costs.Window))]
                   select EvaluationJson.ToJsonLine(new RawStepCost(costs.Name, each.Method, target, each.Cost.Length, IsEstimate: true,
                       each.Cost.IsExtrapolated, each.Cost.Bytes, each.Cost.Seconds)),
                .. from costs in all
                   from step in costs.Steps
                   select EvaluationJson.ToJsonLine(new RawStepCost(costs.Name, Pose, step.TargetLength, costs.Window,
                       IsEstimate: false, IsExtrapolated: false, step.Bytes, step.Seconds)),
                .. context.RawLines(Measured(context), [Target], []),
            ],
        };
    }

    private static IEnumerable<StepCosts> Costs(ReproductionContext context) =>
        context.Scale.CostModels.Select(size => new StepCosts(context, size));

    private static string Described(StepCosts costs)
    {
        DecoderConfig model = costs.Model;
        return $"{costs.Name} parameters: {model.NumHiddenLayers} layers, width {model.HiddenSize}, vocabulary {model.VocabSize}";
    }

    private static IReadOnlyList<string> Protocol(ReproductionContext context, StepCosts[] all)
    {
        int[] extrapolated =
        [
            .. all.SelectMany(costs => costs.Estimates).Where(cost => cost.IsExtrapolated).Select(cost => cost.Length).Distinct().Order(),
        ];
        return
        [
            $"Cost: a Llama ({string.Join("; ", all.Select(Described))}), float32 on the CPU, one window per step: " +
            $"{all[0].Window} tokens for PoSE, the target's length for full-length training. Memory and time by target in tokens: " +
            "estimates, and steps of PoSE that were run.",
            "Estimates: memory follows from the configuration, time from a profiled layer, all windows in one measurement (skipwise " +
            "estimate). PoSE's window is the same for every target, and so is its estimate. " +
            (extrapolated.Length == 0 ? "No time is extrapolated from shorter windows."
                : $"Times of windows of {string.Join(", ", extrapolated)} tokens are extrapolated from shorter ones."),
            $"\"{RunPose}\": steps that were run at each target, with positions drawn below it; the least time and the least peak memory " +
            "of three rounds. Only Linux tells the peak of a part of a process.",
            "Times are those of the machine that measured them first; they are kept, so that a second run gives the same bytes.",
            $"Quality: perplexity at {Target}x of fine-tunes with {string.Join(", ", s_percent)} % of the steps. Each is a whole run " +
            "with its own decay of the rate, not a checkpoint of a longer one.",
            .. context.ProtocolOfTraining(Measured(context)),
            context.ProtocolOfPerplexity(),
        ];
    }

    private static NumberTable CostTable(string caption, NumberUnit unit, StepCosts costs, Func<StepCost, double> estimated,
        Func<PoseStep, double?> run) => new(caption, "method", [.. costs.Targets.Select(target => $"{target}")],
        [
            new(Full, [.. costs.Targets.Select(target => Estimate.Exactly(estimated(costs.Estimated(target))))]),
            new(Pose, [.. costs.Targets.Select(_ => Estimate.Exactly(estimated(costs.Estimated(costs.Window))))]),
            new(RunPose, [.. costs.Steps.Select(step => run(step) is { } value ? Estimate.Exactly(value) : null)]),
        ], unit, Samples: null);

    private ReportBlock.Plot CostPlot(string name, string unit, StepCosts costs, Func<StepCost, double> estimated,
        Func<PoseStep, double?> run, string caption)
    {
        IReadOnlyList<(double, double)> Line(Func<int, double> value) =>
            [.. costs.Targets.Select((target, i) => (target / 1024.0, value(i)))];
        return new(
            LinesPlot.Figure($"{name} by target", "target (x 1024 tokens)", unit, fromZero: true,
                new Dictionary<string, IReadOnlyList<(double, double)>>
                {
                    [Full] = Line(i => estimated(costs.Estimated(costs.Targets[i]))),
                    [Pose] = Line(_ => estimated(costs.Estimated(costs.Window))),
                    [RunPose] = Line(i => run(costs.Steps[i]) ?? double.NaN),
                }, ModelLegend.Create([Full, Pose, RunPose])),
            $"{Name}-{name}-{costs.Name.Replace(" ", "", StringComparison.Ordinal)}",
            $"{caption}: estimates, and PoSE's steps that were run.");
    }

    private static IEnumerable<Verdict> CostVerdicts(StepCosts[] all)
    {
        int eightfold = all[0].Targets.Where(target => target <= Target * all[0].Window).Max();
        NamedEstimate[] Ratios(string name, Func<StepCosts, double> value) =>
            [.. all.Select(costs => new NamedEstimate(name, Estimate.Exactly(value(costs)), NumberUnit.Ratio).In(costs.Name))];
        double Grown(StepCosts costs) =>
            (double?)costs.Steps.Max(step => step.Bytes) / costs.Steps.Min(step => step.Bytes) ?? double.NaN;
        Verdict memory = Verdict.AtMost(
            new("PoSE's memory does not depend on the target.", "14.5 GB at 4k, 8k and 16k",
                "of steps that were run, the most memory of all targets over the least is at most 1.05"),
            Flat, Ratios("most over least", Grown));
        return
        [
            all.SelectMany(costs => costs.Steps).Any(step => step.Bytes is null)
                ? memory with { Explanation = "This system does not tell the peak memory of a step." } : memory,
            Verdict.AtLeast(
                new("Full-length training takes a multiple of the memory.", "31.0 against 14.5 GB (2.1 times) at 16k",
                    $"at {eightfold} tokens, the estimate of full-length training over PoSE's is at least 2"),
                MemoryRatio, Ratios($"ratio at {eightfold}",
                    costs => (double)costs.Estimated(eightfold).Bytes / costs.Estimated(costs.Window).Bytes)),
            Verdict.AtMost(
                new("PoSE's time hardly depends on the target.", "3.50 h at 4k to 3.78 h at 16k (1.08 times)",
                    "of steps that were run, the time at the longest target over that at the shortest is at most 1.25"),
                FlatTime, Ratios($"{all[0].Targets[^1]} over {all[0].Targets[0]}",
                    costs => costs.Steps[^1].Seconds / costs.Steps[0].Seconds)),
            Verdict.AtLeast(
                new("Full-length training takes a multiple of the time.", "13.66 against 3.78 h (3.6 times) at 16k",
                    $"at {eightfold} tokens, the estimate of full-length training over PoSE's is at least 3"),
                TimeRatio, Ratios($"ratio at {eightfold}",
                    costs => costs.Estimated(eightfold).Seconds / costs.Estimated(costs.Window).Seconds)),
        ];
    }

    private static IEnumerable<Verdict> QualityVerdicts(ReproductionContext context)
    {
        var perplexity = new Comparison(context, context.Perplexity);
        Variant[] full = [.. Stages(context, s_full)], pose = [.. Stages(context, s_pose)], control = [.. Stages(context, s_short)];
        SeedSamples Gain(Variant trained) => context.Perplexity(s_start, Target).Minus(context.Perplexity(trained, Target));
        SeedSamples whole = Gain(pose[^1]);
        Estimate early = Gain(pose[Quarter]).RelativeTo(whole), share = whole.Estimate().Low() > 0
            ? early with { Mean = early.Mean + 1 } : Estimate.Exactly(double.NaN);
        return
        [
            Verdict.Below(
                new($"From {s_percent[0]} % of the steps on, PoSE is close to full-length training.",
                    "0.04 to 0.08 (0.7 to 1.7 %) above it from step 100 of 1000 on",
                    $"with {string.Join(", ", s_percent)} % of the steps, the 95 % interval of PoSE's perplexity over full-length's is " +
                    "below 3 %"),
                Margin, [.. pose.Zip(full, (stage, reference) => perplexity.Against(stage, reference, Target))]),
            Verdict.Above(
                new("Most of the gain comes early.",
                    "5.68 at step 10, 4.92 at step 200, 4.87 at step 1000: 94 % of it in a fifth of the steps",
                    $"gain: by how much training lowers the perplexity of the base with PoSE's RoPE; the 95 % interval of the share of " +
                    $"it that {s_percent[Quarter]} % of the steps give is above 50 %; if the gain's own interval reaches 0 it is not " +
                    "decided"),
                Most, new NamedEstimate($"{pose[Quarter].Name}, share of the gain of {pose[^1].Name}", share, NumberUnit.Fraction)),
            Verdict.Above(
                new("The skips matter: the same fine-tune without them is worse at the target.", null,
                    "the 95 % interval of the control's perplexity over PoSE's, both with all steps, is above 0"),
                0, perplexity.Against(control[^1], pose[^1], Target)),
        ];
    }

    /// <summary>All that perplexity is measured of.</summary>
    private static IEnumerable<Variant> Measured(ReproductionContext context) =>
        [s_start, .. s_variants.SelectMany(variant => Stages(context, variant))];

    /// <summary>The variant with each part of the steps.</summary>
    private static IEnumerable<Variant> Stages(ReproductionContext context, Variant variant) =>
        s_percent.Select(percent => Steps(context, percent)).Select(steps =>
            variant with { Steps = steps, Name = $"{variant.Name}, {steps} steps" });

    private static int Steps(ReproductionContext context, int percent) => Math.Max(1, context.Scale.Steps * percent / 100);

    private static double Mebibytes(long bytes) => bytes / (double)(1 << 20);

    private static double? Mebibytes(long? bytes) => bytes is { } known ? Mebibytes(known) : null;
}
