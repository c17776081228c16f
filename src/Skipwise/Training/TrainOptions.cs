using System.Globalization;
using Skipwise.Training.Optimizers;

namespace Skipwise.Training;

/// <summary>What is offloaded to host memory while a GPU computes.</summary>
public enum Offload
{
    /// <summary>nothing: everything stays on the computing device</summary>
    None,
    /// <summary>optimizer state and master weights</summary>
    Optimizer,
}

/// <summary>Length, batch and optimizer of a training run; its data is described elsewhere.</summary>
public sealed record TrainOptions
{
    /// <summary>optimizer steps; <see cref="Epochs"/> overrides it</summary>
    [Within(1, 1e9)]
    public int Steps { get; init; } = 1000;
    /// <summary>passes over the data, with fraction; null trains for <see cref="Steps"/></summary>
    [Within(0, 1e6, Above = true)]
    public double? Epochs { get; init; }
    /// <summary>examples per forward</summary>
    [Within(1, 1 << 16)]
    public int BatchSize { get; init; } = 8;
    /// <summary>forwards per optimizer step</summary>
    [Within(1, 1 << 16)]
    public int GradientAccumulationSteps { get; init; } = 1;
    /// <summary>
    /// examples per optimizer step over all ranks, from which the forwards per step follow; null: batch size x forwards per step x ranks
    /// </summary>
    [Within(1, 1e9)]
    public int? GlobalBatchSize { get; init; }
    /// <summary>what is divided among the ranks (ZeRO)</summary>
    public Shard Shard { get; init; }
    /// <summary>peak learning rate</summary>
    [Within(0, 1e30, Above = true)]
    public double LearningRate { get; init; } = 2e-5;
    /// <summary>steps of the linear warm-up</summary>
    [Within(0, 1e9)]
    public int WarmupSteps { get; init; } = 10;
    /// <summary>shape of the learning-rate decay</summary>
    public LearningRateDecay LearningRateDecay { get; init; } = LearningRateDecay.Linear;
    /// <summary>learning rate at the end of the decay, as a fraction of the peak</summary>
    [Within(0, 1)]
    public double MinLearningRateRatio { get; init; }
    /// <summary>the global gradient norm is clipped to this; 0 does not clip</summary>
    [Within(0, 1e9, LeastMeans = "no clipping")]
    public double MaxGradNorm { get; init; } = 1;
    /// <summary>skipped steps in a row (spikes, non-finite loss or gradients) after which the run stops</summary>
    [Within(1, 1e9)]
    public int MaxBadSteps { get; init; } = 5;
    /// <summary>
    /// height of a spike above the recent losses, in widths of their middle 80 % (<see cref="StepGuard"/>); 0 disables spike detection
    /// </summary>
    [Within(0, 1e9, LeastMeans = "no spike is looked for")]
    public double SpikeThreshold { get; init; } = 6;
    /// <summary>optimizer algorithm</summary>
    public OptimizerKind Optimizer { get; init; }
    /// <summary>keep optimizer state and master weights in host memory while a GPU computes</summary>
    public Offload Offload { get; init; }
    /// <summary>betas, epsilon, weight decay and learning-rate multipliers of AdamW</summary>
    public AdamWOptions AdamW { get; init; } = new();
    /// <summary>k: layers 0, k, 2 k, ... are recomputed in the backward (gradient checkpointing); 1: every layer; 0: none</summary>
    [Within(0, 1 << 20, LeastMeans = "none")]
    public int RecomputeEvery { get; init; }
    /// <summary>pack a micro-batch's examples into one row without padding, each with its own attention mask</summary>
    public bool Packing { get; init; }

    /// <summary>Throws one error that names every setting out of range.</summary>
    /// <exception cref="SkipwiseException">at least one is</exception>
    public void Validate() => OptionCheck.Require("Training", this,
        [.. BatchProblems(BatchSize, GradientAccumulationSteps), .. ShardProblems()]);

    /// <summary>
    /// The options of all ranks together: <see cref="GradientAccumulationSteps"/> is then the number of micro-batches of an optimizer step
    /// over all ranks, a multiple of their number.
    /// </summary>
    /// <exception cref="SkipwiseException">the batch cannot be divided among the ranks</exception>
    internal TrainOptions ForRanks(int ranks)
    {
        if (GlobalBatchSize is not { } global)
        {
            OptionCheck.Require("Training", this, BatchProblems((long)BatchSize * ranks, GradientAccumulationSteps));
            return this with { GradientAccumulationSteps = GradientAccumulationSteps * ranks };
        }
        string batch = FormattableString.Invariant($"{OptionName.Of(nameof(TrainOptions.BatchSize))} {BatchSize}"),
            times = FormattableString.Invariant($"{(ranks > 1 ? $" x {ranks} ranks" : "")}"),
            asked = FormattableString.Invariant($"Training: {OptionName.Of(nameof(TrainOptions.GlobalBatchSize))} {global}");
        long together = (long)BatchSize * ranks;
        if (global % together != 0)
        {
            long less = global / together * together;
            throw new SkipwiseException(FormattableString.Invariant(
                $"{asked} is no multiple of {batch}{times}. Take {(less > 0 ? $"{less} or " : "")}{less + together}, or another ")
                + $"{OptionName.Of(nameof(TrainOptions.BatchSize))}.");
        }
        if (GradientAccumulationSteps != 1 && together * GradientAccumulationSteps != global)
        {
            string accumulation = OptionName.Of(nameof(TrainOptions.GradientAccumulationSteps));
            throw new SkipwiseException(FormattableString.Invariant(
                $"{asked} is not {batch} x {accumulation} {GradientAccumulationSteps}{times}. Leave one of the two out."));
        }
        return this with { GradientAccumulationSteps = global / BatchSize, GlobalBatchSize = null };
    }

    /// <summary>The options of all ranks together, of which each takes its part of the batch.</summary>
    /// <exception cref="SkipwiseException">the batch cannot be divided among the ranks</exception>
    internal TrainOptions Divided(int ranks) => BatchSize % ranks == 0
        ? this with { BatchSize = BatchSize / ranks, GradientAccumulationSteps = GradientAccumulationSteps * ranks }
        : throw new SkipwiseException(string.Create(CultureInfo.InvariantCulture,
            $"Training: {OptionName.Of(nameof(TrainOptions.BatchSize))} {BatchSize} cannot be divided among {ranks} ranks. " +
            $"Take a multiple of {ranks}."));

    private IEnumerable<string> ShardProblems()
    {
        string shard = OptionName.Of(nameof(TrainOptions.Shard));
        return Shard != Shard.None && Optimizer == OptimizerKind.Adafactor
            ? [$"{shard} divides weights by their elements, and Adafactor needs whole rows and columns: take another "
                + $"{OptionName.Of(nameof(TrainOptions.Optimizer))}, or leave {shard} out"]
            : [];
    }

    /// <summary>Errors of the number of examples per step.</summary>
    internal static IEnumerable<string> BatchProblems(long batchSize, int accumulation) =>
        batchSize * accumulation <= int.MaxValue
            ? []
            : [$"{OptionName.Of(nameof(TrainOptions.BatchSize))} {batchSize} x "
                + $"{OptionName.Of(nameof(TrainOptions.GradientAccumulationSteps))} {accumulation} is "
                + $"{batchSize * accumulation} examples a step; at most {int.MaxValue} can be counted"];

    /// <summary>Converts <see cref="Epochs"/> into steps.</summary>
    /// <param name="examples">per epoch</param>
    /// <exception cref="SkipwiseException">more steps than can be counted</exception>
    public TrainOptions WithStepsFor(int examples)
    {
        if (Epochs is not { } epochs)
        {
            return this;
        }
        double steps = Math.Ceiling(epochs * examples / ((double)BatchSize * GradientAccumulationSteps));
        return steps <= int.MaxValue ? this with { Steps = (int)steps } : throw new SkipwiseException(string.Create(
            CultureInfo.InvariantCulture,
            $"Training: {OptionName.Of(nameof(TrainOptions.Epochs))} {epochs} over {examples} examples are more than " +
            $"{int.MaxValue} steps. Give fewer."));
    }

    /// <summary>the learning rate by step</summary>
    public LearningRateSchedule Schedule => new(LearningRate, WarmupSteps, Steps, LearningRateDecay, MinLearningRateRatio);
}
