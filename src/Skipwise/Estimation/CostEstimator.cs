using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Data;
using Skipwise.Models;
using Skipwise.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Estimation;

/// <summary>Tells what a run will cost before it runs: one layer and the head are measured, the rest follows from how a step goes. The weights are not read.</summary>
public static class CostEstimator
{
    /// <param name="stop">looked at before every try of a part</param>
    /// <exception cref="SkipwiseException">a model that cannot be read, or a setting out of range</exception>
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
        long memory = options.Memory ?? DeviceMemory.For(compute.Device).Total;
        StepEstimate Of(string training, int length)
        {
            note?.Report($"measuring a few steps of one layer, windows of up to {length} tokens");
            var probe = new ProfilingBudget(options.ProbeTokens, options.ProbeSeconds, stop);
            var costs = OutOfMemory.Naming(options.Model, () => CostModel.Profile(
                extended, options.Lora, options.Optimizer, compute, offload, options.RecomputeEvery, options.BatchSize, length, probe));
            ComputeTime time = costs.Time(options.BatchSize, length, options.GradientAccumulationSteps);
            return new(training, options.BatchSize, length, costs.Memory(options.BatchSize, length, options.GradientAccumulationSteps), time.Seconds, time.CpuSeconds,
                costs.LargestBatch(length, options.GradientAccumulationSteps, memory));
        }
        StealTime before = StealTime.Now();
        StepEstimate pose = Of("pose", trainLength), full = Of("full", options.TargetLength);
        return new(memory, StealTime.Now().FractionSince(before), pose, full);
    }
}
