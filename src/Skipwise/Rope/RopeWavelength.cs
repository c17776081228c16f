namespace Skipwise.Rope;

/// <summary>How far one pair of dimensions sees before it repeats.</summary>
/// <param name="Pair">i = 0..d/2 - 1</param>
/// <param name="Tokens">2 pi / InvFreq: tokens per full turn</param>
/// <param name="ExceedsWindow">the pair did not complete a turn in the original window, so larger positions bring phases the model never
/// saw</param>
public readonly record struct RopeWavelength(int Pair, double Tokens, bool ExceedsWindow)
{
    /// <param name="frequencies">one wavelength per pair</param>
    /// <param name="originalLength">L, the original window in tokens</param>
    public static IReadOnlyList<RopeWavelength> Compute(RopeFrequencies frequencies, int originalLength) =>
        [.. frequencies.InvFreq.Select((f, pair) => new RopeWavelength(pair, 2 * Math.PI / f, 2 * Math.PI / f > originalLength))];
}
