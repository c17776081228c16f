using Skipwise.Checkpoints;
using Skipwise.Data;
using Skipwise.Models;
using Skipwise.Models.Lora;
using Skipwise.Runtime;
using Skipwise.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Recipes;

/// <summary>The run whose cost is asked for.</summary>
public sealed record EstimateOptions
{
    /// <summary>Hugging Face folder of the base model</summary>
    [PathName(Name = "--model")]
    public required string Model { get; init; }
    /// <summary>Lt, the window to reach, in tokens</summary>
    [Within(1, 1 << 27, Name = "--target-length")]
    public required int TargetLength { get; init; }
    /// <summary>Lc, tokens per training window; null takes the model's own window</summary>
    [Within(8, 1 << 24, Name = "--train-length")]
    public int? TrainLength { get; init; }
    /// <summary>windows per forward</summary>
    [Within(1, 1 << 16, Name = "--batch-size")]
    public int BatchSize { get; init; } = new TrainOptions().BatchSize;
    /// <summary>forwards per optimizer step</summary>
    [Within(1, 1 << 16, Name = "--gradient-accumulation")]
    public int GradientAccumulation { get; init; } = 1;
    /// <summary>k: every k-th layer is computed a second time; 0: none</summary>
    [Within(0, 1 << 20, Name = "--checkpoint-layers", LeastMeans = "none")]
    public int CheckpointEvery { get; init; }
    public LoraOptions Lora { get; init; } = new();
    public OptimizerKind Optimizer { get; init; }
    /// <summary>where and in which type the model computes; what is narrower than float32 has float32 masters</summary>
    public ComputeOptions Compute { get; init; } = new();
    public Offload Offload { get; init; }
    public RopeOverrides Rope { get; init; } = new();
    /// <summary>bytes that a run may take; null takes what the machine has, or the GPU</summary>
    [Within(1, 1L << 60, Name = "--memory")]
    public long? Memory { get; init; }
    /// <summary>tokens of the largest step that is tried, larger ones follow by the formula; null: as many as take a moment</summary>
    [Within(64, 1 << 24, Name = "--probe-tokens")]
    public int? ProbeTokens { get; init; }
    /// <summary>seconds for which a part of a step is repeated at most, where it is long or a machine's host gives its time to others, and its warm-up; the last repeat may run beyond</summary>
    [Within(0, 3600, Name = "--probe-seconds")]
    public double ProbeSeconds { get; init; } = 15;
}

/// <summary>Memory of a step, in bytes.</summary>
/// <param name="Process">the program itself, libtorch and all; on a GPU all that is taken before the run, by others too</param>
/// <param name="Weights">parameters, frozen and packed ones too</param>
/// <param name="Gradients">of what is trained</param>
/// <param name="Optimizer">its state, and the float32 masters of narrower weights; offloaded from a GPU, it is in host memory and no part of the peak</param>
/// <param name="Working">the most that activations, scores and gradients take at once: many activations have gone before the last gradients come</param>
/// <param name="Logits">of it, the scores of one chunk of tokens</param>
/// <param name="Peak">program + weights + optimizer + working</param>
public sealed record MemoryEstimate(long Process, long Weights, long Gradients, long Optimizer, long Working, long Logits, long Peak);

/// <summary>What one way of training costs.</summary>
/// <param name="Training">pose or full</param>
/// <param name="BatchSize">sequences per forward</param>
/// <param name="Length">tokens per sequence</param>
/// <param name="SecondsPerStep">on the clock, of this machine as busy as it was</param>
/// <param name="CpuSecondsPerStep">of all threads</param>
/// <param name="LargestBatch">the most sequences per forward that the memory holds; 0 when not even one</param>
public sealed record StepEstimate(string Training, int BatchSize, int Length, MemoryEstimate Memory, double SecondsPerStep, double CpuSecondsPerStep, int LargestBatch);

/// <summary>PoSE beside full-length training at the target.</summary>
/// <param name="AvailableMemory">bytes that the largest batches were sought for</param>
/// <param name="StolenShare">of this virtual machine's time, what its host gave to others while it was measured, 0 to 1: so much faster may steps be on a quiet one; 0 too where that is not told</param>
public sealed record CostEstimate(long AvailableMemory, double StolenShare, StepEstimate Pose, StepEstimate Full);

/// <summary>Tells what a run will cost before it runs: one layer and the head are measured, the rest follows from how a step goes. The weights are not read.</summary>
public static class Estimate
{
    /// <param name="stop">looked at before every try of a part</param>
    /// <exception cref="SkipwiseException">a model that cannot be read, or a setting out of range</exception>
    public static CostEstimate Run(EstimateOptions options, IProgress<string>? note = null, CancellationToken stop = default)
    {
        options.Lora.Validate();
        OptionCheck.Require("Estimate", options, TrainOptions.ExamplesProblems(options.BatchSize, options.GradientAccumulation));
        BatchArrays.RequireRoom(options.BatchSize, Math.Max(options.TargetLength, options.TrainLength ?? 0));
        HfConfig config = HfConfig.Of(options.Model);
        DecoderConfig model = config.Model, extended = ContextExtension.Extend(model, options.TargetLength, options.Rope, config.Family);
        int trainLength = options.TrainLength ?? options.Rope.OriginalLength ?? ContextExtension.OriginalLength(model);
        (Device Device, ScalarType Dtype) compute = options.Compute.Begin(note);
        bool offload = options.Offload == Offload.Optimizer && compute.Device.type != DeviceType.CPU;
        long memory = options.Memory ?? DeviceMemory.Of(compute.Device).Size;
        StepEstimate Of(string training, int length)
        {
            note?.Report($"measuring a few steps of one layer, windows of up to {length} tokens");
            var probe = new ProbeEffort(options.ProbeTokens, options.ProbeSeconds, stop);
            var costs = OutOfMemory.Naming(options.Model, () => StepCosts.Measure(
                extended, options.Lora, options.Optimizer, compute, offload, options.CheckpointEvery, options.BatchSize, length, probe));
            ComputeTime time = costs.Time(options.BatchSize, length, options.GradientAccumulation);
            return new(training, options.BatchSize, length, costs.Memory(options.BatchSize, length, options.GradientAccumulation), time.Seconds, time.CpuSeconds,
                costs.LargestBatch(length, options.GradientAccumulation, memory));
        }
        StolenTime before = StolenTime.Now();
        StepEstimate pose = Of("pose", trainLength), full = Of("full", options.TargetLength);
        return new(memory, StolenTime.Now().ShareSince(before), pose, full);
    }
}
