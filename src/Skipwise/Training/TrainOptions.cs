namespace Skipwise.Training;

/// <summary>What stays in host memory while a GPU computes.</summary>
public enum Offload
{
    None,
    /// <summary>the optimizer's state and the float32 weights that it updates</summary>
    Optimizer,
}

/// <summary>How long and how fast to train; what to train on is the data's affair.</summary>
public sealed record TrainOptions
{
    /// <summary>optimizer steps; <see cref="Epochs"/> overrules them</summary>
    public int Steps { get; init; } = 1000;
    /// <summary>passes over the data, fractions too; null trains for <see cref="Steps"/></summary>
    public double? Epochs { get; init; }
    /// <summary>examples per forward</summary>
    public int BatchSize { get; init; } = 8;
    /// <summary>forwards per optimizer step</summary>
    public int GradientAccumulation { get; init; } = 1;
    /// <summary>peak learning rate</summary>
    public double LearningRate { get; init; } = 2e-5;
    /// <summary>steps of linear rise to the peak</summary>
    public int WarmupSteps { get; init; } = 10;
    /// <summary>how the rate falls afterwards</summary>
    public Decay Decay { get; init; } = Decay.Linear;
    /// <summary>where the decay ends, as a share of the peak</summary>
    public double LearningRateFloor { get; init; }
    /// <summary>the gradients' common norm is clipped to this; 0 does not clip</summary>
    public double MaxGradNorm { get; init; } = 1;
    /// <summary>the run stops after so many bad steps in a row: their loss or gradient is no number, or their loss a spike</summary>
    public int MaxBadSteps { get; init; } = 5;
    /// <summary>how far above the last losses a spike is, in widths of their middle four fifths (<see cref="StepGuard"/>); 0 looks for none</summary>
    public double SpikeThreshold { get; init; } = 6;
    /// <summary>how gradients become updates</summary>
    public OptimizerKind Optimizer { get; init; }
    /// <summary>what an optimizer keeps, and the float32 weights that it updates, stay in host memory while a GPU computes</summary>
    public Offload Offload { get; init; }
    public AdamWOptions AdamW { get; init; } = new();
    /// <summary>k: layers 0, k, 2 k, ... are computed a second time instead of keeping what their backward needs; 1: every layer; 0: none</summary>
    public int CheckpointEvery { get; init; }
    /// <summary>a micro-batch's examples lie end to end in one row without padding; none sees another</summary>
    public bool Packing { get; init; }

    /// <summary>Throws one error that names every setting out of range.</summary>
    /// <exception cref="SkipwiseException">at least one is</exception>
    public void Validate()
    {
        var problems = new List<string>();
        if (Steps < 1) { problems.Add($"--steps is {Steps}; it must be at least 1"); }
        if (Epochs is { } epochs && !(epochs > 0 && double.IsFinite(epochs))) { problems.Add($"--epochs is {epochs}; it must be above 0"); }
        if (BatchSize < 1) { problems.Add($"--batch-size is {BatchSize}; it must be at least 1"); }
        if (GradientAccumulation < 1) { problems.Add($"--gradient-accumulation is {GradientAccumulation}; it must be at least 1"); }
        if (!(LearningRate > 0 && double.IsFinite(LearningRate))) { problems.Add($"--learning-rate is {LearningRate}; it must be above 0"); }
        if (WarmupSteps < 0) { problems.Add($"--warmup-steps is {WarmupSteps}; it must be 0 or more"); }
        if (!(LearningRateFloor >= 0 && LearningRateFloor <= 1)) { problems.Add($"the learning rate's floor is {LearningRateFloor}; it is a share of the peak, from 0 to 1"); }
        if (!(MaxGradNorm >= 0)) { problems.Add($"--max-grad-norm is {MaxGradNorm}; it must be 0 (no clipping) or more"); }
        if (!(AdamW.WeightDecay >= 0)) { problems.Add($"--weight-decay is {AdamW.WeightDecay}; it must be 0 or more"); }
        problems.AddRange(AdamW.Scales.Problems());
        if (MaxBadSteps < 1) { problems.Add($"--max-bad-steps is {MaxBadSteps}; it must be at least 1"); }
        if (!(SpikeThreshold >= 0)) { problems.Add($"--spike-threshold is {SpikeThreshold}; it must be 0 (no spike is looked for) or more"); }
        if (CheckpointEvery < 0) { problems.Add($"--checkpoint-layers is {CheckpointEvery}; it must be 0 (none) or more"); }
        if (problems.Count > 0)
        {
            throw new SkipwiseException($"Training: {string.Join("; ", problems)}.");
        }
    }

    /// <summary>The same with <see cref="Epochs"/> turned into steps.</summary>
    /// <param name="examples">of one epoch</param>
    /// <exception cref="SkipwiseException">more steps than can be counted</exception>
    public TrainOptions For(int examples)
    {
        if (Epochs is not { } epochs)
        {
            return this;
        }
        double steps = Math.Ceiling(epochs * examples / ((double)BatchSize * GradientAccumulation));
        return steps <= int.MaxValue ? this with { Steps = (int)steps } : throw new SkipwiseException($"Training: --epochs {epochs} over {examples} examples are more than {int.MaxValue} steps. Give fewer.");
    }

    public LearningRateSchedule Schedule => new(LearningRate, WarmupSteps, Steps, Decay, LearningRateFloor);
}
