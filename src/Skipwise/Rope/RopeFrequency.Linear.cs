namespace Skipwise.Rope;

public static partial class RopeFrequency
{
    /// <summary>Position interpolation, f_i / s (Chen et al. 2023): the target's positions are scaled into the original window.</summary>
    private static double[] Linear(RopeOptions rope, int rotaryDim) =>
        Array.ConvertAll(Default(rope.Theta, rotaryDim), f => f / rope.Factor);
}
