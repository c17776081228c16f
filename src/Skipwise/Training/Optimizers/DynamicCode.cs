namespace Skipwise.Training;

/// <summary>
/// The 256 numbers that a byte stands for in an 8-bit optimizer state (Dettmers 2016; Dettmers et al. 2022, section 1.3): a dynamic
/// exponent, whose length leaves more or fewer bits to a linear fraction. Of seven decades below 1 the highest has 64 steps, each lower one half as many.
/// Numbers of a block are divided by its largest magnitude first.
/// </summary>
internal static class DynamicCode
{
    private const int Decades = 7;

    /// <summary>-1 to 1, rising; 0 among them: for running means.</summary>
    public static float[] Signed { get; } = Table(steps: decade => 1 << decade, isSigned: true);

    /// <summary>0 to 1, rising; without a sign there is a bit more for the fraction: for running means of squares.</summary>
    public static float[] Unsigned { get; } = Table(steps: decade => 2 << decade, isSigned: false);

    /// <summary>The 255 numbers at which one code gives way to the next: halfway between them.</summary>
    public static float[] Boundaries(float[] code) => [.. code.Zip(code.Skip(1), (low, high) => (low + high) / 2)];

    /// <param name="steps">linear steps from 0.1 to 1 of a decade, counted from the lowest</param>
    private static float[] Table(Func<int, int> steps, bool isSigned)
    {
        double[] magnitudes =
        [
            .. from decade in Enumerable.Range(0, Decades)
               from step in Enumerable.Range(0, steps(decade))
               select Math.Pow(10, decade - Decades + 1) * (0.1 + (0.9 * (step + 0.5) / steps(decade))), // the middle of each step
        ];
        IEnumerable<double> codes = isSigned ? magnitudes.Concat(magnitudes.Select(magnitude => -magnitude)) : magnitudes;
        return [.. codes.Concat([0, 1]).Order().Select(value => (float)value)];
    }
}
