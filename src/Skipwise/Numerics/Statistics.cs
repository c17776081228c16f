namespace Skipwise.Numerics;

/// <summary>Means with standard errors and confidence intervals.</summary>
internal static class Statistics
{
    /// <summary>The standard normal quantile of a two-sided 95 % interval.</summary>
    public const double Z95 = 1.959963984540054;

    // Student's t for 1 to 10 degrees of freedom
    private static readonly double[] s_student95 =
    [
        12.706204736, 4.302652730, 3.182446305, 2.776445105, 2.570581836, 2.446911851, 2.364624252, 2.306004135, 2.262157163, 2.228138852,
    ];

    /// <summary>The arithmetic mean.</summary>
    /// <exception cref="ArgumentException">there are no values</exception>
    public static double Mean(ReadOnlySpan<double> values)
    {
        if (values.IsEmpty)
        {
            throw new ArgumentException("the mean of no values does not exist", nameof(values));
        }
        double sum = 0;
        foreach (double value in values)
        {
            sum += value;
        }
        return sum / values.Length;
    }

    /// <summary>The standard error of the mean: the sample standard deviation (n - 1) over sqrt(n); NaN for fewer than two
    /// values.</summary>
    public static double StandardError(ReadOnlySpan<double> values)
    {
        if (values.Length < 2)
        {
            return double.NaN;
        }
        // Two passes: subtracting the mean first is accurate for large means with small deviations.
        double mean = Mean(values);
        double squares = 0;
        foreach (double value in values)
        {
            squares += (value - mean) * (value - mean);
        }
        return Math.Sqrt(squares / (values.Length - 1) / values.Length);
    }

    /// <summary>The quantile of Student's t for a two-sided 95 % interval of a mean, to 2e-4.</summary>
    /// <param name="degrees">degrees of freedom: values - 1</param>
    public static double StudentT95(int degrees)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(degrees, 1);
        if (degrees <= s_student95.Length)
        {
            return s_student95[degrees - 1];
        }
        // Abramowitz and Stegun 26.7.5
        double z = Z95, z3 = z * z * z, z5 = z3 * z * z, z7 = z5 * z * z, n = degrees;
        return z + ((z3 + z) / (4 * n)) + (((5 * z5) + (16 * z3) + (3 * z)) / (96 * n * n))
            + (((3 * z7) + (19 * z5) + (17 * z3) - (15 * z)) / (384 * n * n * n));
    }

    /// <summary>
    /// The 95 % confidence interval of a success rate (Wilson 1927). Unlike mean ± 2 standard errors it stays inside [0, 1] and has a
    /// width at 0 and at 100 %, which are common in retrieval evaluations. Without trials: (0, 1).
    /// </summary>
    /// <param name="successes">k, 0..n; may be a sum of scores between 0 and 1, for which the interval is conservative</param>
    /// <param name="trials">n</param>
    public static (double Low, double High) Wilson(double successes, int trials)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(trials);
        ArgumentOutOfRangeException.ThrowIfNegative(successes);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(successes, trials);
        if (trials == 0)
        {
            return (0, 1);
        }
        double n = trials;
        double rate = successes / n;
        double z2 = Z95 * Z95;
        double centre = rate + (z2 / (2 * n));
        double reach = Z95 * Math.Sqrt((rate * (1 - rate) / n) + (z2 / (4 * n * n)));
        double scale = 1 + (z2 / n);
        // At k = 0 and k = n one end is exact; rounding must not push it outside [0, 1].
        double low = successes == 0 ? 0 : (centre - reach) / scale;
        double high = successes == trials ? 1 : (centre + reach) / scale;
        return (low, high);
    }
}
