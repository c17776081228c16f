namespace Skipwise.Rope;

public static partial class RopeFrequency
{
    /// <summary>NTK-aware scaling: the base theta * s^(d/(d-2)) leaves the fastest pair as it is and slows the slowest by exactly
    /// s.</summary>
    private static double[] Ntk(RopeOptions rope, int rotaryDim) => Default(NtkTheta(rope.Theta, rope.Factor, rotaryDim), rotaryDim);

    /// <summary>theta * s^(d/(d-2)): a model scaled so is exported with this theta and no scaling at all.</summary>
    /// <param name="theta">the base before scaling</param>
    /// <param name="factor">s</param>
    /// <param name="rotaryDim">d, at least 4</param>
    public static double NtkTheta(double theta, double factor, int rotaryDim) => theta * Math.Pow(factor, rotaryDim / (rotaryDim - 2.0));
}
