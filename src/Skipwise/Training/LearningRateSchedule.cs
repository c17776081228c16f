namespace Skipwise.Training;

/// <summary>How the learning rate falls after the warm-up.</summary>
public enum LearningRateDecay
{
    /// <summary>in a straight line to the floor at the last step (the original's setting)</summary>
    Linear,
    /// <summary>along half a cosine to the floor at the last step</summary>
    Cosine,
    /// <summary>not at all</summary>
    Constant,
}

/// <summary>Linear warm-up, then decay. Pure: the rate is a function of the step.</summary>
/// <param name="Peak">the rate at the end of the warm-up</param>
/// <param name="WarmupSteps">steps 1 .. WarmupSteps rise in a straight line</param>
/// <param name="Steps">steps of the whole run</param>
/// <param name="MinRatio">where the decay ends, as a share of the peak</param>
public sealed record LearningRateSchedule(double Peak, int WarmupSteps, int Steps, LearningRateDecay DecayShape = LearningRateDecay.Linear,
    double MinRatio = 0)
{
    /// <param name="step">1 for the first</param>
    public double At(int step)
    {
        if (step <= WarmupSteps)
        {
            return Peak * step / WarmupSteps;
        }
        double progress = (double)(step - WarmupSteps - 1) / Math.Max(1, Steps - WarmupSteps);
        double remaining = DecayShape switch
        {
            LearningRateDecay.Linear => 1 - progress,
            LearningRateDecay.Cosine => 0.5 * (1 + Math.Cos(Math.PI * progress)),
            _ => 1,
        };
        return Peak * (MinRatio + ((1 - MinRatio) * remaining));
    }
}
