namespace Skipwise.Training.Optimizers;

/// <param name="Beta1">decay of the first moment</param>
/// <param name="Beta2">decay of the second moment</param>
/// <param name="Eps">added to the denominator</param>
/// <param name="WeightDecay">decoupled decay of matrices; norms and biases never decay</param>
public sealed record AdamWOptions(
    [property: Within(0, 1, Below = true)] double Beta1 = 0.9,
    [property: Within(0, 1, Below = true)] double Beta2 = 0.999,
    [property: Within(0, 1)] double Eps = 1e-8,
    [property: Within(0, 1000)] double WeightDecay = 0)
{
    /// <summary>learning-rate multipliers of parameter groups</summary>
    public LearningRateScales Scales { get; init; } = new();
}
