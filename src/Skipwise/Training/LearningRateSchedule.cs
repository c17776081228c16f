namespace Skipwise.Training;

/// <summary>Shape of the learning-rate decay after the warm-up.</summary>
public enum LearningRateDecay
{
    /// <summary>linear, to the floor at the step after the last (as in the PoSE reference code)</summary>
    Linear,
    /// <summary>half a cosine, to the floor at the step after the last</summary>
    Cosine,
    /// <summary>constant</summary>
    Constant,
}

/// <summary>Linear warm-up, then decay. The rate is a pure function of the step.</summary>
/// <param name="Peak">learning rate at the end of the warm-up</param>
/// <param name="WarmupSteps">steps of the linear warm-up, from step 1</param>
/// <param name="Steps">steps of the whole run</param>
/// <param name="MinRatio">rate at the end of the decay, as a fraction of the peak</param>
public sealed record LearningRateSchedule(double Peak, int WarmupSteps, int Steps, LearningRateDecay DecayShape = LearningRateDecay.Linear,
    double MinRatio = 0)
{
    /// <param name="step">counted from 1</param>
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
