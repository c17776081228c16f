using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Data;
using Skipwise.Models;
using Skipwise.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Estimation;

/// <summary>
/// Estimates the cost of a run. Memory follows from the configuration; time from one short, profiled step of one layer. Weights are not
/// read.
/// </summary>
public static class CostEstimator
{
    /// <summary>Bytes of a run that an estimate lacks: text, tokenizer, and uncollected .NET garbage.</summary>
    private const long RunHeap = 48 << 20; // measured on training runs of three sizes: 40 to 60 MiB

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
        (MemoryModel memory, TimeModel pose, TimeModel full) = OutOfMemory.Naming(options.Model, () =>
        {
            using var profiler = new StepProfiler(extended, options.Lora, options.Optimizer, compute, offload);
            TimeModel Profile(int length)
            {
                note?.Report($"timing one layer, windows of up to {length} tokens");
                return profiler.Profile(options.BatchSize, length, options.RecomputeEvery, stop);
            }
            return (MemoryModel.Create(profiler, options.RecomputeEvery), Profile(trainLength), Profile(options.TargetLength));
        });
        // libtorch has now run all operations of a step, and the profiler's tensors are freed
        memory = memory with { Process = device.Reserved() + (compute.Device.type == DeviceType.CPU ? RunHeap : 0) };
        long available = options.Memory ?? device.Total;
        StepEstimate Of(string mode, int length, TimeModel time)
        {
            ComputeTime step = time.Step(options.BatchSize, length, options.GradientAccumulationSteps);
            return new(mode, options.BatchSize, length, memory.Step(options.BatchSize, length, options.GradientAccumulationSteps),
                step.Seconds, step.CpuSeconds, memory.LargestBatch(length, options.GradientAccumulationSteps, available));
        }
        return new(available, Of("pose", trainLength, pose), Of("full", options.TargetLength, full));
    }
}
