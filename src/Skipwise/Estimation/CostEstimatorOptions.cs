using Skipwise.Models;
using Skipwise.Models.Lora;
using Skipwise.Runtime;
using Skipwise.Training;
using Skipwise.Training.Optimizers;

namespace Skipwise.Estimation;

/// <summary>The run to be estimated.</summary>
public sealed record CostEstimatorOptions
{
    /// <summary>Hugging Face folder of the base model, or a GGUF file</summary>
    [PathName]
    public required string Model { get; init; }
    /// <summary>Lt, the window to reach, in tokens</summary>
    [Within(1, 1 << 27)]
    public required int TargetLength { get; init; }
    /// <summary>Lc, tokens per training window; null takes the model's own window</summary>
    [Within(8, 1 << 24)]
    public int? TrainLength { get; init; }
    /// <summary>windows per forward</summary>
    [Within(1, 1 << 16)]
    public int BatchSize { get; init; } = new TrainOptions().BatchSize;
    /// <summary>forwards per optimizer step</summary>
    [Within(1, 1 << 16)]
    public int GradientAccumulationSteps { get; init; } = 1;
    /// <summary>k: every k-th layer is recomputed in the backward; 0: none</summary>
    [Within(0, 1 << 20, LeastMeans = "none")]
    public int RecomputeEvery { get; init; }
    /// <summary>LoRA adapters to train; the default trains the whole model</summary>
    public LoraOptions Lora { get; init; } = new();
    /// <summary>optimizer</summary>
    public OptimizerKind Optimizer { get; init; }
    /// <summary>device and element type; half precision adds float32 master weights</summary>
    public ComputeOptions Compute { get; init; } = new();
    /// <summary>what is offloaded to CPU memory while a GPU computes</summary>
    public Offload Offload { get; init; }
    /// <summary>number of ranks that train together</summary>
    [Within(1, 1 << 20)]
    public int Ranks { get; init; } = 1;
    /// <summary>what is divided among the ranks (ZeRO)</summary>
    public Shard Shard { get; init; }
    /// <summary>RoPE scaling of the extended model; null members are derived</summary>
    public RopeOverrides Rope { get; init; } = new();
    /// <summary>bytes that a run may use; null: all of the machine or the GPU</summary>
    [Within(1, 1L << 60)]
    public long? Memory { get; init; }
}
