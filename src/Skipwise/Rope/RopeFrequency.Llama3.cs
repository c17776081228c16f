namespace Skipwise.Rope;

public static partial class RopeFrequency
{
    /// <summary>Llama 3.1: wavelengths below L / high are kept, those above L / low are multiplied by s, those between are
    /// blended.</summary>
    private static double[] Llama3(RopeOptions rope, int rotaryDim)
    {
        double original = rope.OriginalMaxPositionEmbeddings;
        return Array.ConvertAll(Default(rope.Theta, rotaryDim), f =>
        {
            double rotations = original * f / (2 * Math.PI); // L / wavelength
            double kept = Math.Clamp((rotations - rope.LowFreqFactor) / (rope.HighFreqFactor - rope.LowFreqFactor), 0, 1);
            return ((1 - kept) * f / rope.Factor) + (kept * f);
        });
    }
}
