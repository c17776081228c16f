namespace Skipwise.Rope;

public static partial class RopeFrequency
{
    /// <summary>NTK scaling whose factor grows with the sequence: s * n / L - (s - 1) instead of s, n = max(sequence length, L). Unscaled
    /// up to L.</summary>
    private static double[] DynamicNtk(RopeOptions rope, int rotaryDim, int sequenceLength) =>
        Default(NtkTheta(rope.Theta, GrownFactor(rope, sequenceLength), rotaryDim), rotaryDim);

    private static double GrownFactor(RopeOptions rope, int sequenceLength)
    {
        double original = rope.OriginalMaxPositionEmbeddings;
        double n = Math.Max(sequenceLength, original);
        return (rope.Factor * n / original) - (rope.Factor - 1);
    }
}
