namespace Skipwise.Training;

/// <summary>Metrics of one optimizer step: one JSON line.</summary>
/// <param name="Step">counted from 1</param>
/// <param name="Loss">mean cross entropy per labelled token, in nats, before the step; with a z-loss (Baichuan 2) it is included</param>
/// <param name="LearningRate">learning rate of the step</param>
/// <param name="GradientNorm">global norm before clipping</param>
/// <param name="Tokens">tokens of this step, padding included</param>
/// <param name="TokensPerSecond">of this step</param>
/// <param name="Epoch">epochs so far, with fraction</param>
/// <param name="LiveTensors">tensor handles alive after the step: constant, or something leaks</param>
public sealed record StepMetrics(int Step, double Loss, double LearningRate, double GradientNorm, long Tokens, double TokensPerSecond,
    double Epoch, long LiveTensors)
{
    /// <summary>why the step was skipped; null if it was taken</summary>
    public string? Skipped { get; init; }
    /// <summary>loss scale (<see cref="LossScaler"/>); null without one</summary>
    public double? LossScale { get; init; }
}
