namespace Skipwise.Rope;

public static partial class RopeFrequency
{
    /// <summary>YaRN as published (Peng et al. 2023): f_i * ((1 - m_i) / s + m_i), fast pairs kept (m = 1), slow ones interpolated (m =
    /// 0).</summary>
    private static double[] Yarn(RopeOptions rope, int rotaryDim)
    {
        double[] frequencies = Default(rope.Theta, rotaryDim);
        double[] kept = YarnMask(rope, rotaryDim);
        for (int i = 0; i < frequencies.Length; i++)
        {
            frequencies[i] *= ((1 - kept[i]) / rope.Factor) + kept[i];
        }
        return frequencies;
    }

    /// <summary>YaRN's scale of cos and sin: 0.1 ln s + 1.</summary>
    private static double YarnAttentionFactor(double factor) => (0.1 * Math.Log(factor)) + 1;

    /// <summary>m_i: 1 for pairs that complete more than beta_fast rotations within L, 0 for those with fewer than beta_slow, a ramp
    /// between them.</summary>
    private static double[] YarnMask(RopeOptions rope, int rotaryDim)
    {
        double low = Math.Max(Math.Floor(PairWithRotations(rope, rotaryDim, rope.BetaFast)), 0);
        double high = Math.Min(Math.Ceiling(PairWithRotations(rope, rotaryDim, rope.BetaSlow)), rotaryDim - 1);
        if (high == low)
        {
            high += 0.001; // a step instead of a ramp, to avoid dividing by zero
        }
        double[] mask = new double[rotaryDim / 2];
        for (int i = 0; i < mask.Length; i++)
        {
            mask[i] = 1 - Math.Clamp((i - low) / (high - low), 0, 1);
        }
        return mask;
    }

    /// <summary>The (fractional) pair that completes r rotations within L tokens: solves L * f_i = 2 pi r for i.</summary>
    private static double PairWithRotations(RopeOptions rope, int rotaryDim, double rotations) =>
        rotaryDim * Math.Log(rope.OriginalMaxPositionEmbeddings / (2 * Math.PI * rotations)) / (2 * Math.Log(rope.Theta));
}
