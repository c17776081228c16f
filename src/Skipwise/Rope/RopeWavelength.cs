namespace Skipwise.Rope;

/// <summary>The wavelength of one pair of dimensions: the distance after which its rotation repeats.</summary>
/// <param name="Pair">i = 0..d/2 - 1</param>
/// <param name="Tokens">2 pi / InvFreq: tokens per full period</param>
/// <param name="ExceedsWindow">the pair did not complete a period in the original window, so larger positions have phases that the model
/// never saw</param>
public readonly record struct RopeWavelength(int Pair, double Tokens, bool ExceedsWindow)
{
    /// <summary>The wavelengths of all pairs.</summary>
    /// <param name="frequencies">of the pairs</param>
    /// <param name="originalLength">L, the original window in tokens</param>
    public static IReadOnlyList<RopeWavelength> Compute(RopeFrequencies frequencies, int originalLength) =>
        [.. frequencies.InvFreq.Select((f, pair) => new RopeWavelength(pair, 2 * Math.PI / f, 2 * Math.PI / f > originalLength))];
}
