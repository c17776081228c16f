namespace Skipwise.Rope;

public static partial class RopeFrequency
{
    /// <summary>LongRoPE (Ding et al. 2024): each pair has its own divisor, from the long list for sequences of more than L tokens, else
    /// from the short list.</summary>
    private static double[] LongRope(RopeOptions rope, int rotaryDim, int sequenceLength)
    {
        IReadOnlyList<double> divisors = (sequenceLength > rope.OriginalMaxPositionEmbeddings ? rope.LongFactor : rope.ShortFactor)!;
        double[] frequencies = Default(rope.Theta, rotaryDim);
        for (int i = 0; i < frequencies.Length; i++)
        {
            frequencies[i] /= divisors[i];
        }
        return frequencies;
    }

    /// <summary>LongRoPE's scale of cos and sin: sqrt(1 + ln s / ln L).</summary>
    private static double LongRopeAttentionFactor(RopeOptions rope) =>
        Math.Sqrt(1 + (Math.Log(rope.Factor) / Math.Log(rope.OriginalMaxPositionEmbeddings)));
}
