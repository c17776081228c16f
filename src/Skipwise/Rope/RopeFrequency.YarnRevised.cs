namespace Skipwise.Rope;

public static partial class RopeFrequency
{
    /// <summary>
    /// YaRN as the PoSE reference code computes it: f_i / ((1 - m_i) s + m_i). It equals <see cref="Yarn"/> at both ends of the ramp.
    /// The ramp blends wavelengths instead of frequencies: the two differ by up to 2.5x at s = 8 and 16x at s = 64.
    /// </summary>
    private static double[] YarnRevised(RopeOptions rope, int rotaryDim)
    {
        double[] frequencies = Default(rope.Theta, rotaryDim);
        double[] kept = YarnMask(rope, rotaryDim);
        for (int i = 0; i < frequencies.Length; i++)
        {
            frequencies[i] /= ((1 - kept[i]) * rope.Factor) + kept[i];
        }
        return frequencies;
    }
}
