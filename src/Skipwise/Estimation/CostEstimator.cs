using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Data;
using Skipwise.Models;
using Skipwise.Runtime;
using Skipwise.Training;
using TorchSharp;
using static System.FormattableString;
using static TorchSharp.torch;

namespace Skipwise.Estimation;

/// <summary>
/// Estimates the cost of a run. Memory follows from the configuration; time from one short, profiled step of one layer. Weights are not
/// read. If this machine's memory does not hold one layer, memory is estimated and time is not.
/// </summary>
public static class CostEstimator
{
    /// <summary>Bytes of a run that an estimate lacks: text, tokenizer, and uncollected .NET garbage.</summary>
    private const long RunHeap = 48 << 20; // measured on training runs of three sizes: 40 to 60 MiB
    private const int SmallSize = 64;

    /// <param name="stop">checked before every timed step</param>
    /// <exception cref="SkipwiseException">a model that cannot be read, or a setting out of range</exception>
    /// <example>
    /// <code>
    /// CostEstimate cost = CostEstimator.Run(new() { Model = "llama-2-7b", TargetLength = 32768, Lora = new() { Rank = 16 } });
    /// Console.WriteLine($"PoSE: {cost.Pose.Memory.Peak &gt;&gt; 30} GiB, {cost.Pose.SecondsPerStep:0.0} s per step");
    /// </code>
    /// </example>
    public static CostEstimate Run(CostEstimatorOptions options, IProgress<string>? note = null, CancellationToken stop = default)
    {
        options.Lora.Validate();
        OptionCheck.Require("Estimate", options, TrainOptions.BatchProblems(options.BatchSize, options.GradientAccumulationSteps));
        HostBatch.RequireFits(options.BatchSize, Math.Max(options.TargetLength, options.TrainLength ?? 0));
        HfConfig config = HfConfig.ForModel(options.Model);
        DecoderConfig model = config.Model;
        DecoderConfig extended = ContextExtension.Extend(model, options.TargetLength, options.Rope, config.Family.RopePreference);
        int trainLength = options.TrainLength ?? options.Rope.OriginalLength ?? ContextExtension.OriginalLength(model);
        (Device Device, ScalarType Dtype) compute = options.Compute.Prepare(note);
        bool offload = options.Offload == Offload.Optimizer && compute.Device.type != DeviceType.CPU;
        DeviceMemory device = DeviceMemory.For(compute.Device);
        LayerSizes SizesOf(DecoderConfig config) => new(config, options.Lora, options.Optimizer, compute, offload);
        using LayerSizes sizes = SizesOf(extended);
        var division = new RankDivision(options.Ranks, options.Shard);
        int recomputeEvery = division.RecomputeEvery(options.RecomputeEvery);
        var memory = MemoryModel.Create(sizes, recomputeEvery, division);
        TimeModel Profile(StepProfiler profiler, int length)
        {
            note?.Report($"timing one layer, windows of up to {length} tokens");
            return profiler.Profile(options.BatchSize, length, recomputeEvery, stop);
        }
        string? untimed = WhyUntimed(sizes, memory, device, options, recomputeEvery, trainLength);
        (TimeModel? pose, TimeModel? full) = OutOfMemory.Naming(options.Model, () =>
        {
            if (untimed is null)
            {
                using var profiler = new StepProfiler(sizes);
                return ((TimeModel?)Profile(profiler, trainLength), (TimeModel?)Profile(profiler, options.TargetLength));
            }
            using LayerSizes small = SizesOf(Smallest(extended));
            using var once = new StepProfiler(small);
            once.Profile(batch: 1, SmallSize, recomputeEvery, stop);
            return (null, null);
        });
        // libtorch has now run all operations of a step, and the profiler's tensors are freed
        memory = memory with { Process = device.Reserved() + (compute.Device.type == DeviceType.CPU ? RunHeap : 0) };
        long available = options.Memory ?? device.Total;
        StepEstimate Of(string mode, int length, TimeModel? time)
        {
            ComputeTime? step = time?.Step(options.BatchSize, length, options.GradientAccumulationSteps);
            return new(mode, options.BatchSize, length, memory.Step(options.BatchSize, length, options.GradientAccumulationSteps),
                step?.Seconds, step?.CpuSeconds, memory.LargestBatch(length, options.GradientAccumulationSteps, available),
                division.BytesSent(sizes, options.GradientAccumulationSteps));
        }
        return new(available, Of("pose", trainLength, pose), Of("full", options.TargetLength, full), untimed);
    }

    /// <summary>Why one layer cannot be timed here, in a sentence; null if it can. Memory that ends would end the process.</summary>
    private static string? WhyUntimed(
        LayerSizes sizes, MemoryModel memory, DeviceMemory device, CostEstimatorOptions options, int recomputeEvery, int trainLength)
    {
        long OfStep(int length) =>
            memory.OneLayer(StepProfiler.ShapeOf(sizes, options.BatchSize, length, recomputeEvery).Shape);
        long step = Math.Max(OfStep(trainLength), OfStep(options.TargetLength));
        bool isHost = sizes.Compute.Device.type == DeviceType.CPU;
        return isHost ? Lack(device, Math.Max(step, sizes.Created), "this machine's memory")
            : Lack(DeviceMemory.For(CPU), sizes.Created + memory.OneLayerOffloaded, "this machine's memory")
                ?? Lack(device, step, "the GPU's memory");
    }

    private static string? Lack(DeviceMemory place, long needed, string name)
    {
        const double gibibyte = 1L << 30;
        double usable = MemoryModel.UsableFraction * place.Free;
        return needed <= usable ? null
            : Invariant($"No time was estimated: one layer of this model with embedding and head takes {needed / gibibyte:0.0} GiB, ") +
                Invariant($"and {usable / gibibyte:0.0} GiB of {name} can be used (nine tenths of what is free). ") +
                "Close other programs, or use a larger machine.";
    }

    /// <summary>A model whose step runs the same operations.</summary>
    private static DecoderConfig Smallest(DecoderConfig config) => config with
    {
        VocabSize = SmallSize,
        HiddenSize = SmallSize,
        IntermediateSize = SmallSize,
        NumHiddenLayers = 1,
        NumAttentionHeads = 1,
        NumKeyValueHeads = 1,
    };
}
