namespace Skipwise.Rope;

public static partial class RopeFrequency
{
    /// <summary>
    /// YaRN as the original PoSE code runs it: f_i / ((1 - m_i) s + m_i). The same ends as <see cref="Yarn"/>, but the ramp blends
    /// wavelengths in place of frequencies: up to 2.5x apart at s = 8, 16x at s = 64.
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
