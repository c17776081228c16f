namespace Skipwise.Training;

/// <summary>One optimizer step, as one JSON line says it.</summary>
/// <param name="Step">1 for the first</param>
/// <param name="Loss">mean cross entropy per labelled token, in nats, before the step</param>
/// <param name="LearningRate">the step's rate</param>
/// <param name="GradientNorm">norm over all parameters, before clipping</param>
/// <param name="Tokens">tokens of this step, padding included</param>
/// <param name="TokensPerSecond">of this step</param>
/// <param name="Epoch">passes over the data, with fraction</param>
/// <param name="LiveTensors">tensor handles alive after the step: constant, or something leaks</param>
public sealed record StepMetrics(int Step, double Loss, double LearningRate, double GradientNorm, long Tokens, double TokensPerSecond,
    double Epoch, long LiveTensors)
{
    /// <summary>why the step was not taken; null when it was</summary>
    public string? Skipped { get; init; }
    /// <summary>what the loss was multiplied with; null where nothing is (<see cref="LossScaler"/>)</summary>
    public double? LossScale { get; init; }
}
