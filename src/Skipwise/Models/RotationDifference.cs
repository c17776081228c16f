using Skipwise.Rope;

namespace Skipwise.Models;

/// <summary>A rotation compared with the one that a model was trained with.</summary>
/// <param name="LargestRatio">of a pair's two frequencies, the larger by the smaller, over all pairs and lengths; 1: all are equal</param>
/// <param name="Scale">of cos and sin, at the length where it differs most</param>
/// <param name="ExpectedScale">of cos and sin as trained, at that length</param>
internal sealed record RotationDifference(double LargestRatio, double Scale, double ExpectedScale)
{
    private const double Tolerance = 1e-5; // numbers of files are often float32, or rounded

    /// <summary>Compares for texts within the original window, at its border, beyond it and at the full window.</summary>
    /// <param name="found">the other rotation, given the number of tokens; as many pairs as the model's</param>
    /// <param name="model">as it was trained</param>
    public static RotationDifference Of(Func<int, RopeFrequencies> found, DecoderConfig model)
    {
        int original = Math.Max(1, ContextExtension.OriginalLength(model)), window = model.MaxPositionEmbeddings;
        int[] lengths = [1, original, Math.Min(original, window - 1) + 1, (int)(((long)original + window) / 2), window];
        var largest = new RotationDifference(1, 1, 1);
        for (int i = 0; i < lengths.Length; i++)
        {
            RopeFrequencies theirs = found(lengths[i]), ours = RopeFrequency.Compute(model.Rope, model.RotaryDim, lengths[i]);
            double ratio = Math.Max(largest.LargestRatio, ours.InvFreq.Zip(theirs.InvFreq, Ratio).Max());
            bool isFurther = i == 0
                || Ratio(theirs.AttentionFactor, ours.AttentionFactor) > Ratio(largest.Scale, largest.ExpectedScale);
            largest = isFurther ? new(ratio, theirs.AttentionFactor, ours.AttentionFactor) : largest with { LargestRatio = ratio };
        }
        return largest;
    }

    /// <summary>Whether every frequency is that of the model.</summary>
    public bool HasSameFrequencies => LargestRatio - 1 <= Tolerance;

    /// <summary>Whether frequencies and scale are those of the model.</summary>
    public bool IsNone => HasSameFrequencies && Ratio(Scale, ExpectedScale) - 1 <= Tolerance;

    /// <summary>The larger by the smaller; infinite if one is no positive number.</summary>
    private static double Ratio(double a, double b) =>
        a > 0 && b > 0 && double.IsFinite(a) && double.IsFinite(b) ? Math.Max(a / b, b / a) : double.PositiveInfinity;
}
