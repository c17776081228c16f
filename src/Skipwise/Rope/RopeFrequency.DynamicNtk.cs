namespace Skipwise.Rope;

public static partial class RopeFrequency
{
    /// <summary>NTK scaling that grows with the sequence: s * n / L - (s - 1) in place of s, n = max(sequence length, L). Unscaled up to L.</summary>
    private static double[] DynamicNtk(RopeOptions rope, int rotaryDim, int sequenceLength)
    {
        double original = rope.OriginalMaxPositionEmbeddings;
        double n = Math.Max(sequenceLength, original);
        double grown = (rope.Factor * n / original) - (rope.Factor - 1);
        return Default(NtkTheta(rope.Theta, grown, rotaryDim), rotaryDim);
    }
}
