using Skipwise.Data;
using Skipwise.Estimation;
using Skipwise.Models;
using Skipwise.Models.Lora;
using Skipwise.Numerics;
using Skipwise.Positions;
using Skipwise.Runtime;
using Skipwise.TokenStores;
using Skipwise.Training;
using Skipwise.Training.Optimizers;
using static TorchSharp.torch;

namespace Skipwise.Reproduction;

/// <summary>
/// What a training step costs by target: estimated for PoSE's window and for windows of each target, all in one measurement, so that times
/// can be compared; and, for PoSE, run at each target. An estimate knows PoSE's window only, and could not tell whether the target matters.
/// </summary>
/// <param name="context">has the targets, and keeps what is measured</param>
/// <param name="size">the model whose steps are measured</param>
internal sealed class StepCosts(ReproductionContext context, CostModel size)
{
    private const string Version = "1";
    private const int Rounds = 3, StepsPerRound = 2; // the first step of a round warms up
    private const ulong Seed = 1;

    /// <summary>Rising, in tokens.</summary>
    public IReadOnlyList<int> Targets => context.Scale.CostTargets;

    /// <summary>PoSE's window: half of the shortest target, the paper's 2k for 4k.</summary>
    public int Window => Targets[0] / 2;

    /// <summary>The model's name.</summary>
    public string Name => size.Name;

    /// <summary>The model, extended to the longest target.</summary>
    public DecoderConfig Model => size.Config(Window, Targets[^1]);

    /// <summary>Estimated costs of a step, of PoSE's window and of windows of the targets' lengths.</summary>
    public IReadOnlyList<StepCost> Estimates =>
        context.Measured.Get(EstimateSettings, () => context.TimedWork($"the cost of a step of {Name} parameters", Estimate));

    /// <summary>Steps of PoSE that were run, one per target.</summary>
    public IReadOnlyList<PoseStep> Steps =>
        context.Measured.Get(StepSettings, () => context.TimedWork($"steps of PoSE of {Name} parameters by target", Run));

    /// <summary>The estimated cost of a window.</summary>
    public StepCost Estimated(int length) => Estimates.First(cost => cost.Length == length);

    /// <summary>Both measurements.</summary>
    public IEnumerable<PlannedWork> Plan()
    {
        long perLength = Model.HiddenSize * 3000L; // about ten seconds with a width of 320
        yield return new($"cost of a step, {Name}", "cost", "cost of a step", perLength * (Targets.Count + 1),
            () => context.Measured.Has(EstimateSettings), () => _ = Estimates)
        {
            Use = WorkUse.Timed,
        };
        yield return new($"steps of PoSE, {Name}", "cost", "cost of a step", perLength * Targets.Count,
            () => context.Measured.Has(StepSettings), () => _ = Steps)
        {
            Use = WorkUse.Timed,
        };
    }

    private NamedValue[] EstimateSettings => Settings("estimated cost of training steps");

    private NamedValue[] StepSettings => Settings("training steps of PoSE");

    private StepCost[] Estimate()
    {
        using var sizes = new LayerSizes(Model, new LoraOptions(), OptimizerKind.Adamw, (CPU, ScalarType.Float32), offload: false);
        var memory = MemoryModel.Create(sizes, recomputeEvery: 0);
        using var profiler = new StepProfiler(sizes);
        return
        [
            .. Targets.Prepend(Window).Select(length => new StepCost(length, memory.Step(1, length, 1).Peak,
                profiler.Profile(batch: 1, length, recomputeEvery: 0, context.Stop).Step(1, length, 1).Seconds,
                StepProfiler.ShapeOf(sizes, batch: 1, length, recomputeEvery: 0).Shape.Length < length)),
        ];
    }

    /// <summary>The least time and memory of some rounds, each through all targets: other processes only add to both.</summary>
    private PoseStep[] Run()
    {
        var rounds = Enumerable.Range(0, Rounds).Select(_ => Targets.Select(Round).ToArray()).ToArray();
        return
        [
            .. Targets.Select((target, i) =>
                new PoseStep(target, rounds.Min(round => round[i].Bytes), rounds.Min(round => round[i].Seconds))),
        ];
    }

    private PoseStep Round(int target)
    {
        context.Stop.ThrowIfCancellationRequested();
        double seconds = 0;
        long peak = ProcessMemory.PeakDuring(() => seconds = LastStepSeconds(target));
        return new(target, OperatingSystem.IsLinux() ? peak : null, seconds); // other systems keep the peak of all earlier work
    }

    private double LastStepSeconds(int target)
    {
        using var model = new CausalLM(size.Config(Window, target));
        WeightInit.Initialize(model, Seed);
        var options = new TrainOptions { Steps = StepsPerRound, BatchSize = 1 };
        using var masters = MasterWeights.Create(model);
        using var optimizer = Optimizer.Create(model, options, masters);
        var rng = new KeyedRandom(Seed);
        int[] document = new int[target];
        for (int i = 0; i < target; i++)
        {
            document[i] = rng.Between(0, model.Config.VocabSize - 1);
        }
        var windows = new PoseDataset(new TokenList([document]), new PoseOptions(new PositionOptions(), Window, target), Seed, bosId: null,
            minDocumentTokens: 1);
        double[] seconds =
        [
            .. TrainLoop.Run(model, optimizer, windows, options, stop: context.Stop).Select(step => step.Tokens / step.TokensPerSecond),
        ];
        context.Stop.ThrowIfCancellationRequested();
        return seconds[^1];
    }

    private NamedValue[] Settings(string kind) =>
    [
        new("kind", kind), new("version", Version), NamedValue.Of("targets", Targets), NamedValue.Of("window", Window),
        .. ArchitectureValues.OfForward(Model).Select(value => value with { Name = $"model.{value.Name}" }),
    ];
}
