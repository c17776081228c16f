namespace Skipwise.Training;

/// <summary>How long and how fast to train; what to train on is the data's affair.</summary>
public sealed record TrainOptions
{
    /// <summary>optimizer steps</summary>
    public int Steps { get; init; } = 1000;
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
    public AdamWOptions AdamW { get; init; } = new();

    /// <summary>Throws one error that names every setting out of range.</summary>
    /// <exception cref="SkipwiseException">at least one is</exception>
    public void Validate()
    {
        var problems = new List<string>();
        if (Steps < 1) { problems.Add($"--steps is {Steps}; it must be at least 1"); }
        if (BatchSize < 1) { problems.Add($"--batch-size is {BatchSize}; it must be at least 1"); }
        if (GradientAccumulation < 1) { problems.Add($"--gradient-accumulation is {GradientAccumulation}; it must be at least 1"); }
        if (!(LearningRate > 0 && double.IsFinite(LearningRate))) { problems.Add($"--learning-rate is {LearningRate}; it must be above 0"); }
        if (WarmupSteps < 0) { problems.Add($"--warmup-steps is {WarmupSteps}; it must be 0 or more"); }
        if (!(LearningRateFloor >= 0 && LearningRateFloor <= 1)) { problems.Add($"the learning rate's floor is {LearningRateFloor}; it is a share of the peak, from 0 to 1"); }
        if (!(MaxGradNorm >= 0)) { problems.Add($"--max-grad-norm is {MaxGradNorm}; it must be 0 (no clipping) or more"); }
        if (!(AdamW.WeightDecay >= 0)) { problems.Add($"--weight-decay is {AdamW.WeightDecay}; it must be 0 or more"); }
        if (problems.Count > 0)
        {
            throw new SkipwiseException($"Training: {string.Join("; ", problems)}.");
        }
    }

    public LearningRateSchedule Schedule => new(LearningRate, WarmupSteps, Steps, Decay, LearningRateFloor);
}
