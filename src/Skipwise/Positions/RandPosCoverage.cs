namespace Skipwise.Positions;

/// <summary>
/// The exact coverage of RandPos, whose positions are a uniform random subset of 0..Lt - 1 with len elements.
/// </summary>
/// <remarks>
/// Two positions r apart are neighbours in a graph that consists of r paths: with Lt = q r + m, m paths of q + 1 vertices and r - m of q.
/// A plan misses r if its positions are an independent set, so r is missed with [x^len] G(x) / C(Lt, len), where G is the product of the
/// paths' independence polynomials. That of a path with n vertices is the product over j = 1..(n + 1) / 2 of 1 + c x, with c = 4 cos^2(pi j
/// / (n + 2)). For every t > 0 therefore [x^len] G(x) = G(t) / t^len P(S = len), where S is a sum of independent coins with the
/// probabilities c t / (1 + c t). P(S = len) is a sum over the characteristic function of S, whose error is below the rounding
/// (<see cref="Window"/>). t is chosen so that the mean of S is len.
/// </remarks>
internal static class RandPosCoverage
{
    /// <summary>Logarithm of a probability that does not change 1 - probability in float64.</summary>
    private const double Negligible = -38;

    /// <summary>The probability that a plan covers each distance; entry 0 is 0: double[Lt].</summary>
    public static double[] Compute(int length, int targetLength, CancellationToken stop = default)
    {
        double[] coverage = new double[targetLength];
        if (length < 2)
        {
            return coverage; // one token has no distance
        }
        double logPlans = LogBinomial(targetLength, length);
        // The probability that two given positions are both taken. Disjoint pairs are negatively associated, so the probability to miss
        // all of them is at most the product of those to miss one.
        double both = (double)length * (length - 1) / ((double)targetLength * Math.Max(1, targetLength - 1));
        Parallel.For(1, targetLength, new ParallelOptions { CancellationToken = stop }, r =>
        {
            int q = Math.DivRem(targetLength, r, out int m);
            long disjointPairs = ((long)m * ((q + 1) / 2)) + ((long)(r - m) * (q / 2));
            coverage[r] = disjointPairs * Math.Log(1 - both) < Negligible ? 1 : 1 - Math.Min(1, Miss(q, m, r, length, logPlans));
        });
        return coverage;
    }

    private static double Miss(int q, int m, int r, int length, double logPlans)
    {
        long largest = ((long)m * ((q + 2) / 2)) + ((long)(r - m) * ((q + 1) / 2)); // of the independent sets
        if (length > largest)
        {
            return 0;
        }
        (double C, int Count)[] coins = [.. Coins(q + 1, m), .. Coins(q, r - m)];
        // A mean of the largest value itself would need an infinite t; half below, the largest value is still likely.
        double t = Tilt(coins, Math.Min(length, largest - 0.5));
        double logG = 0, variance = 0;
        foreach ((double c, int count) in coins)
        {
            double odds = c * t;
            logG += count * Math.Log(1 + odds);
            variance += count * odds / ((1 + odds) * (1 + odds));
        }
        double logMost = logG - (length * Math.Log(t)) - logPlans; // of the probability to miss: P(S = len) is at most 1
        return logMost < Negligible ? 0 : Math.Exp(logMost) * ProbabilityOf(length, coins, t, variance);
    }

    /// <summary>The coins of <paramref name="paths"/> paths with <paramref name="vertices"/> vertices.</summary>
    private static IEnumerable<(double C, int Count)> Coins(int vertices, int paths)
    {
        for (int j = 1; paths > 0 && j <= (vertices + 1) / 2; j++)
        {
            double cosine = Math.Cos(Math.PI * j / (vertices + 2));
            yield return (4 * cosine * cosine, paths);
        }
    }

    /// <summary>t, by bisection of its logarithm: the mean of S rises with it. Any t near enough serves.</summary>
    private static double Tilt((double C, int Count)[] coins, double mean)
    {
        double low = -80, high = 80;
        for (int i = 0; i < 40; i++)
        {
            double middle = (low + high) / 2, t = Math.Exp(middle), sum = 0;
            foreach ((double c, int count) in coins)
            {
                sum += count * (c * t / (1 + (c * t)));
            }
            (low, high) = sum < mean ? (middle, high) : (low, middle);
        }
        return Math.Exp((low + high) / 2);
    }

    /// <summary>P(S = length) by the inverse discrete Fourier transform over <see cref="Window"/> values around it.</summary>
    private static double ProbabilityOf(int length, (double C, int Count)[] coins, double t, double variance)
    {
        int window = Window(variance);
        double sum = 1; // frequency 0
        for (int k = 1; k <= window / 2; k++)
        {
            double frequency = 2 * Math.PI * k / window, logSize = 0, angle = -frequency * length;
            (double sine, double cosine) = Math.SinCos(frequency);
            foreach ((double c, int count) in coins)
            {
                double p = c * t / (1 + (c * t));
                logSize += count * 0.5 * Math.Log(1 - (2 * p * (1 - p) * (1 - cosine)));
                angle += count * Math.Atan2(p * sine, 1 - p + (p * cosine));
            }
            if (logSize < Negligible)
            {
                break; // it falls as the frequency rises to pi
            }
            // the conjugate frequency adds as much; half a turn is its own
            sum += (2 * k == window ? 1 : 2) * Math.Exp(logSize) * Math.Cos(angle);
        }
        return Math.Max(0, sum / window);
    }

    /// <summary>
    /// Number of frequencies: those of a sum taken modulo this number. By Bernstein's inequality S is as far as this from its mean with a
    /// probability below e^-70.
    /// </summary>
    private static int Window(double variance) => (int)(12 * Math.Sqrt(variance)) + 60;

    private static double LogBinomial(int n, int k)
    {
        double sum = 0;
        for (int i = 1; i <= k; i++)
        {
            sum += Math.Log((n - k + i) / (double)i);
        }
        return sum;
    }
}
