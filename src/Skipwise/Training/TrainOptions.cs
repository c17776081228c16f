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

    public LearningRateSchedule Schedule => new(LearningRate, WarmupSteps, Steps, Decay, LearningRateFloor);
}
