using Skipwise.Training.Optimizers;

namespace Skipwise.Training;

/// <summary>What stays in host memory while a GPU computes.</summary>
public enum Offload
{
    /// <summary>everything stays on the device that computes</summary>
    None,
    /// <summary>the optimizer's state and the float32 weights that it updates</summary>
    Optimizer,
}

/// <summary>How long and how fast to train; what to train on is the data's affair.</summary>
public sealed record TrainOptions
{
    /// <summary>optimizer steps; <see cref="Epochs"/> overrules them</summary>
    [Within(1, 1e9, Name = "--steps")]
    public int Steps { get; init; } = 1000;
    /// <summary>passes over the data, fractions too; null trains for <see cref="Steps"/></summary>
    [Within(0, 1e6, Name = "--epochs", Above = true)]
    public double? Epochs { get; init; }
    /// <summary>examples per forward</summary>
    [Within(1, 1 << 16, Name = "--batch-size")]
    public int BatchSize { get; init; } = 8;
    /// <summary>forwards per optimizer step</summary>
    [Within(1, 1 << 16, Name = "--gradient-accumulation")]
    public int GradientAccumulationSteps { get; init; } = 1;
    /// <summary>peak learning rate</summary>
    [Within(0, 1e30, Name = "--learning-rate", Above = true)]
    public double LearningRate { get; init; } = 2e-5;
    /// <summary>steps of linear rise to the peak</summary>
    [Within(0, 1e9, Name = "--warmup-steps")]
    public int WarmupSteps { get; init; } = 10;
    /// <summary>how the rate falls afterwards</summary>
    public LearningRateDecay LearningRateDecay { get; init; } = LearningRateDecay.Linear;
    /// <summary>where the decay ends, as a share of the peak</summary>
    [Within(0, 1, Name = "--min-lr-ratio")]
    public double MinLearningRateRatio { get; init; }
    /// <summary>the gradients' common norm is clipped to this; 0 does not clip</summary>
    [Within(0, 1e9, Name = "--max-grad-norm", LeastMeans = "no clipping")]
    public double MaxGradNorm { get; init; } = 1;
    /// <summary>the run stops after so many bad steps in a row: their loss or gradient is no number, or their loss a spike</summary>
    [Within(1, 1e9, Name = "--max-bad-steps")]
    public int MaxBadSteps { get; init; } = 5;
    /// <summary>how far above the last losses a spike is, in widths of their middle four fifths (<see cref="StepGuard"/>); 0 looks for
    /// none</summary>
    [Within(0, 1e9, Name = "--spike-threshold", LeastMeans = "no spike is looked for")]
    public double SpikeThreshold { get; init; } = 6;
    /// <summary>how gradients become updates</summary>
    public OptimizerKind Optimizer { get; init; }
    /// <summary>what an optimizer keeps, and the float32 weights that it updates, stay in host memory while a GPU computes</summary>
    public Offload Offload { get; init; }
    /// <summary>betas, epsilon, weight decay and learning-rate multipliers of AdamW</summary>
    public AdamWOptions AdamW { get; init; } = new();
    /// <summary>k: layers 0, k, 2 k, ... are computed a second time instead of keeping what their backward needs; 1: every layer; 0:
    /// none</summary>
    [Within(0, 1 << 20, Name = "--recompute-every", LeastMeans = "none")]
    public int RecomputeEvery { get; init; }
    /// <summary>a micro-batch's examples lie end to end in one row without padding; none sees another</summary>
    public bool Packing { get; init; }

    /// <summary>Throws one error that names every setting out of range.</summary>
    /// <exception cref="SkipwiseException">at least one is</exception>
    public void Validate() => OptionCheck.Require("Training", this, BatchProblems(BatchSize, GradientAccumulationSteps));

    /// <summary>What is wrong with the number of examples in a step.</summary>
    internal static IEnumerable<string> BatchProblems(int batchSize, int accumulation) =>
        (long)batchSize * accumulation <= int.MaxValue
            ? []
            : [$"--batch-size {batchSize} x --gradient-accumulation {accumulation} is {(long)batchSize * accumulation} examples a step; "
                + $"at most {int.MaxValue} can be counted"];

    /// <summary>The same with <see cref="Epochs"/> turned into steps.</summary>
    /// <param name="examples">of one epoch</param>
    /// <exception cref="SkipwiseException">more steps than can be counted</exception>
    public TrainOptions WithStepsFor(int examples)
    {
        if (Epochs is not { } epochs)
        {
            return this;
        }
        double steps = Math.Ceiling(epochs * examples / ((double)BatchSize * GradientAccumulationSteps));
        return steps <= int.MaxValue ? this with { Steps = (int)steps } : throw new SkipwiseException(FormattableString.Invariant(
            $"Training: --epochs {epochs} over {examples} examples are more than {int.MaxValue} steps. Give fewer."));
    }

    /// <summary>the learning rate by step</summary>
    public LearningRateSchedule Schedule => new(LearningRate, WarmupSteps, Steps, LearningRateDecay, MinLearningRateRatio);
}
