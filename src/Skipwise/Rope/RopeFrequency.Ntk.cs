namespace Skipwise.Rope;

public static partial class RopeFrequency
{
    /// <summary>NTK-aware scaling: the base theta * s^(d/(d-2)) keeps the fastest pair and divides the slowest pair's frequency by exactly
    /// s.</summary>
    private static double[] Ntk(RopeOptions rope, int rotaryDim) => Default(NtkTheta(rope.Theta, rope.Factor, rotaryDim), rotaryDim);

    /// <summary>The base of NTK-aware scaling: theta * s^(d/(d-2)). Such a model is exported with this theta and no scaling.</summary>
    /// <param name="theta">the base before scaling</param>
    /// <param name="factor">s</param>
    /// <param name="rotaryDim">d, at least 4</param>
    public static double NtkTheta(double theta, double factor, int rotaryDim) => theta * Math.Pow(factor, rotaryDim / (rotaryDim - 2.0));
}
