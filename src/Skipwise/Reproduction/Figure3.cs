using Skipwise.Estimation;
using Skipwise.Evaluation.Results;
using Skipwise.Models;
using Skipwise.Models.Lora;
using Skipwise.Reports;
using Skipwise.Reports.Plots;
using Skipwise.Rope;
using Skipwise.Training.Optimizers;
using static TorchSharp.torch;

namespace Skipwise.Reproduction;

/// <summary>Figure 3 of the paper: memory and time of a training step by target, of PoSE and of full-length training, and the quality that
/// a number of steps buys. Beside them the quality of the control without skips.</summary>
internal sealed class Figure3 : IPaperExperiment
{
    private const int Target = 8; // of the quality; the paper's 2k -> 16k
    private const string Pose = "PoSE", Full = "full-length", CostVersion = "1";
    private const double Flat = 1.01, FlatTime = 1.25, MemoryRatio = 2, TimeRatio = 3, Margin = 0.03, Early = -0.1;

    private static readonly int[] s_percent = [10, 25, 50, 100];

    private static readonly Variant s_full = Variant.FullLength(Target), s_pose = Variant.Pose(Target), s_short = Variant.Short(Target);

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
    [
        .. context.Plan(s_variants.SelectMany(variant => Stages(context, variant)), [Target], []),
        .. from target in context.Scale.CostTargets
           from method in (string[])[Pose, Full]
           let settings = Settings(context, method, target)
           select new PlannedWork($"cost {method} {target}", "cost", "cost of a step", 1_000_000, // about ten seconds
               () => context.Measured.Has(settings), () => Cost(context, method, target)),
    ];

    /// <inheritdoc/>
    public ReproductionResult Run(ReproductionContext context)
    {
        IReadOnlyList<int> targets = context.Scale.CostTargets;
        DecoderConfig model = Model(Window(context), targets[0]);
        var legend = ModelLegend.Create([Full, Pose]);
        var quality = ModelLegend.Create(s_variants.Select(variant => variant.Name));
        ReportBlock.Plot ByTarget(string name, string unit, Func<StepCost, double> value, string caption) => new(
            LinesPlot.Figure($"{name} by target", "target (x 1024 tokens)", unit, fromZero: true,
                new[] { Full, Pose }.ToDictionary(method => method, method => (IReadOnlyList<(double, double)>)
                    [.. targets.Select(target => (target / 1024.0, value(Cost(context, method, target))))]), legend),
            $"{Name}-{name}", caption);
        return new()
        {
            Name = Name,
            Title = Title,
            Scale = context.Scale.Name,
            Seeds = context.Scale.Seeds,
            Protocol =
            [
                $"Cost: a Llama of {model.NumHiddenLayers} layers, width {model.HiddenSize}, vocabulary {model.VocabSize}, float32 on " +
                $"the CPU, one window per step: {Window(context)} tokens for PoSE, the target's length for full-length training.",
                "Memory follows from the configuration (skipwise estimate). Time is that of a profiled layer, on the machine that " +
                "measured it first; it is kept with the measurements, so that a second run gives the same bytes.",
                $"Quality: perplexity at {Target}x of fine-tunes with {string.Join(", ", s_percent)} % of the steps. Each is a whole run " +
                "with its own decay of the rate, not a checkpoint of a longer one.",
                .. context.ProtocolOfTraining(),
                context.ProtocolOfPerplexity(),
            ],
            Paper = Paper,
            Tables =
            [
                new NumberTable("Memory (MiB) and time (s) of a step, by target in tokens", "quantity",
                    [.. targets.Select(target => $"{target}")],
                [
                    Row("memory, full-length", Full, cost => Mebibytes(cost)), Row("memory, PoSE", Pose, cost => Mebibytes(cost)),
                    Row("time, full-length", Full, cost => cost.Seconds), Row("time, PoSE", Pose, cost => cost.Seconds),
                ], NumberUnit.Other),
                new NumberTable($"Perplexity at {context.Length(Target)} by training steps", "variant",
                    [.. s_percent.Select(percent => $"{Steps(context, percent)} steps")],
                    [.. s_variants.Select(variant => new NumberRow(variant.Name,
                        [.. Stages(context, variant).Select(stage => context.Perplexity(stage, Target).Estimate())]))],
                    NumberUnit.Perplexity),
            ],
            Verdicts = Verdicts(context),
            Plots =
            [
                ByTarget("memory", "memory of a step (MiB)", Mebibytes, "Peak memory of a step, without the process."),
                ByTarget("time", "time of a step (s)", cost => cost.Seconds, "Time of a step on the machine that measured it first."),
                new ReportBlock.Plot(
                    LinesPlot.Figure($"Perplexity at {Target}x by training steps", "training steps", "perplexity", fromZero: false,
                        s_variants.ToDictionary(variant => variant.Name, variant => (IReadOnlyList<(double, double)>)
                            [.. Stages(context, variant).Select(stage =>
                                ((double)context.Models.StepsOf(stage), context.Perplexity(stage, Target).Estimate().Mean))]),
                        quality),
                    $"{Name}-quality", $"Perplexity at {Target}x by training steps; lower is better."),
            ],
            RawLines =
            [
                .. from target in targets
                   from method in (string[])[Full, Pose]
                   let cost = Cost(context, method, target)
                   select EvaluationJson.ToJsonLine(new RawStepCost(method, target, cost.Length, cost.Bytes, cost.Seconds)),
                .. context.RawLines(s_variants.SelectMany(variant => Stages(context, variant)), [Target], []),
            ],
        };

        NumberRow Row(string name, string method, Func<StepCost, double> value) =>
            new(name, [.. targets.Select(target => Exactly(value(Cost(context, method, target))))]);
    }

    private static IReadOnlyList<Verdict> Verdicts(ReproductionContext context)
    {
        IReadOnlyList<int> targets = context.Scale.CostTargets;
        int eightfold = targets.Where(target => target <= Target * Window(context)).Max();
        StepCost Of(string method, int target) => Cost(context, method, target);
        (string, Estimate) Number(string name, double value) => (name, Exactly(value));
        Variant[] full = [.. Stages(context, s_full)], pose = [.. Stages(context, s_pose)];
        return
        [
            Verdict.AtMost(
                new("PoSE's memory does not depend on the target.", "14.5 GB at 4k, 8k and 16k",
                    "the most memory of all targets over the least is at most 1.01"),
                Flat, Number("most over least",
                    (double)targets.Max(target => Of(Pose, target).Bytes) / targets.Min(target => Of(Pose, target).Bytes))),
            Verdict.AtLeast(
                new("Full-length training takes a multiple of the memory.", "31.0 against 14.5 GB (2.1 times) at 16k",
                    $"at {eightfold} tokens, full-length's memory over PoSE's is at least 2"),
                MemoryRatio, Number($"ratio at {eightfold}", (double)Of(Full, eightfold).Bytes / Of(Pose, eightfold).Bytes)),
            Verdict.AtMost(
                new("PoSE's time hardly depends on the target.", "3.50 h at 4k to 3.78 h at 16k (1.08 times)",
                    "the time at the longest target over that at the shortest is at most 1.25"),
                FlatTime, Number("ratio", Of(Pose, targets[^1]).Seconds / Of(Pose, targets[0]).Seconds)),
            Verdict.AtLeast(
                new("Full-length training takes a multiple of the time.", "13.66 against 3.78 h (3.6 times) at 16k",
                    $"at {eightfold} tokens, full-length's time over PoSE's is at least 3"),
                TimeRatio, Number($"ratio at {eightfold}", Of(Full, eightfold).Seconds / Of(Pose, eightfold).Seconds)),
            Verdict.Below(
                new("Throughout training, PoSE is close to full-length training.", "0.05 to 0.08 (1.0 to 1.7 %) above it from step 100 on",
                    "from half of the steps on, the 95 % interval of PoSE's perplexity over full-length's is below 3 %"),
                Margin, [.. Enumerable.Range(0, s_percent.Length).Where(i => s_percent[i] >= 50).Select(i =>
                    AtSteps(context, pose[i], full[i]))]),
            Verdict.Above(
                new("Most of the gain comes early.", "4.92 at a fifth of the steps, 4.87 at the end",
                    "the 95 % interval of PoSE's perplexity with all steps over that with a quarter of them is above -10 %"),
                Early, AtSteps(context, pose[^1], pose[Array.IndexOf(s_percent, 25)])),
            Verdict.Above(
                new("The skips matter: the same fine-tune without them is worse at the target.", null,
                    "the 95 % interval of the control's perplexity over PoSE's, both with all steps, is above 0"),
                0, AtSteps(context, s_short, s_pose)),
        ];
    }

    private static (string, Estimate) AtSteps(ReproductionContext context, Variant variant, Variant reference) =>
        ($"{variant.Name}, {context.Models.StepsOf(variant)} steps, over {reference.Name}, {context.Models.StepsOf(reference)} steps",
            ReproductionContext.RelativeTo(context.Perplexity(variant, Target), context.Perplexity(reference, Target)));

    private static int Steps(ReproductionContext context, int percent) => Math.Max(1, context.Scale.Steps * percent / 100);

    /// <summary>The variant with each part of the steps; all steps are the variant itself.</summary>
    private static IEnumerable<Variant> Stages(ReproductionContext context, Variant variant) =>
        s_percent.Select(percent => percent == 100 ? variant : variant with { Steps = Steps(context, percent) });

    private static StepCost Cost(ReproductionContext context, string method, int target) =>
        context.Measured.Get(Settings(context, method, target), () => context.TimedWork($"cost of a step, {method}, target {target}", () =>
        {
            int length = method == Pose ? Window(context) : target;
            using var sizes = new LayerSizes(Model(Window(context), target), new LoraOptions(), OptimizerKind.Adamw,
                (CPU, ScalarType.Float32), offload: false);
            using var profiler = new StepProfiler(sizes);
            return new StepCost(length, MemoryModel.Create(sizes, recomputeEvery: 0).Step(1, length, 1).Peak,
                profiler.Profile(batch: 1, length, recomputeEvery: 0, context.Stop).Step(1, length, 1).Seconds);
        }));

    private static NamedValue[] Settings(ReproductionContext context, string method, int target) =>
    [
        new("kind", "cost of a training step"), new("version", CostVersion), new("method", method), NamedValue.Of("target", target),
        NamedValue.Of("window", Window(context)),
        .. ArchitectureValues.OfForward(Model(Window(context), target)).Select(value => value with { Name = $"model.{value.Name}" }),
    ];

    /// <summary>Half of the shortest target: the paper's 2k for 4k.</summary>
    private static int Window(ReproductionContext context) => context.Scale.CostTargets[0] / 2;

    /// <summary>Model (i) of the benchmarks, 15.2 M parameters.</summary>
    private static DecoderConfig Model(int window, int target) => new()
    {
        VocabSize = 8192,
        HiddenSize = 320,
        IntermediateSize = 864,
        NumHiddenLayers = 8,
        NumAttentionHeads = 5,
        NumKeyValueHeads = 5,
        HeadDim = 64,
        MaxPositionEmbeddings = target,
        Rope = new RopeOptions { Type = RopeType.Linear, Factor = (double)target / window },
    };

    private static double Mebibytes(StepCost cost) => cost.Bytes / (double)(1 << 20);

    private static Estimate Exactly(double value) => new(value, null, null, 0, 0);
}
