namespace Skipwise.Kernels;

/// <summary>
/// The 256 values of a byte in an 8-bit optimizer state (Dettmers 2016; Dettmers et al. 2022, section 1.3): a dynamic exponent, whose
/// length leaves more or fewer bits to a linear fraction. Of seven decades below 1 the highest has 64 steps, each lower one half as many.
/// Elements of a block are first divided by its largest magnitude.
/// </summary>
internal static class DynamicQuantizationMap
{
    private const int Decades = 7;

    /// <summary>Signed map, -1 to 1, ascending, with 0: for first moments.</summary>
    public static float[] Signed { get; } = Build(steps: decade => 1 << decade, isSigned: true);

    /// <summary>Unsigned map, 0 to 1, ascending, with one more bit for the fraction: for second moments.</summary>
    public static float[] Unsigned { get; } = Build(steps: decade => 2 << decade, isSigned: false);

    /// <summary>The 255 midpoints between neighbouring codes, then one that no element reaches.</summary>
    public static float[] Boundaries(float[] code) => [.. code.Zip(code.Skip(1), (low, high) => (low + high) / 2), float.PositiveInfinity];

    /// <summary>least divisor of a block: for blocks of zeros, or nearly</summary>
    public const float MinScale = 1e-38f;
    /// <summary>low bits of a float32 that a bin ignores; the others, sign, exponent and seven bits, are 65536 bins</summary>
    public const int BinShift = 16;

    /// <summary>
    /// For every bin the code of its lowest value. A bin is narrower than any code's range, so an element's code is this one or the next:
    /// two look-ups and one comparison take a sixth of the time of a binary search.
    /// </summary>
    /// <param name="boundaries">of the code</param>
    public static int[] BinLookup(float[] boundaries)
    {
        const int lower = (1 << BinShift) - 1;
        int[] guesses = new int[1 << (32 - BinShift)];
        for (int bin = 0; bin < guesses.Length; bin++)
        {
            int bits = bin << BinShift;
            float lowest = BitConverter.Int32BitsToSingle(bits < 0 ? bits | lower : bits);
            int below = Array.BinarySearch(boundaries, lowest);
            guesses[bin] = below < 0 ? ~below : below;
        }
        return guesses;
    }

    /// <param name="steps">linear steps from 0.1 to 1 of a decade, counted from the lowest</param>
    private static float[] Build(Func<int, int> steps, bool isSigned)
    {
        double[] magnitudes =
        [
            .. from decade in Enumerable.Range(0, Decades)
               from step in Enumerable.Range(0, steps(decade))
               select Math.Pow(10, decade - Decades + 1) * (0.1 + (0.9 * (step + 0.5) / steps(decade))), // midpoint of each step
        ];
        IEnumerable<double> codes = isSigned ? magnitudes.Concat(magnitudes.Select(magnitude => -magnitude)) : magnitudes;
        return [.. codes.Concat([0, 1]).Order().Select(value => (float)value)];
    }
}
