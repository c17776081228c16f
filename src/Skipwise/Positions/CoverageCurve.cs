namespace Skipwise.Positions;

/// <summary>The probability that one example covers each distance, and how well it is known.</summary>
/// <param name="Probability">by distance: Lt entries, entry 0 is 0</param>
/// <param name="Samples">plans that were drawn; null: the probabilities are exact</param>
public sealed record CoverageCurve(IReadOnlyList<double> Probability, int? Samples)
{
    /// <summary>
    /// The standard error of a probability: 0 if it is exact. It is computed with one success and one failure added, so that a distance
    /// that no drawn plan covers has one too.
    /// </summary>
    /// <param name="distance">0..Lt - 1</param>
    public double StandardError(int distance)
    {
        if (Samples is not { } samples)
        {
            return 0;
        }
        double share = ((Probability[distance] * samples) + 1) / (samples + 2.0);
        return Math.Sqrt(share * (1 - share) / samples);
    }

    /// <summary>The distances from 1 on whose probability fulfils a condition, as disjoint ranges in rising order.</summary>
    public IReadOnlyList<DistanceRange> Where(Func<double, bool> condition)
    {
        List<DistanceRange> ranges = [];
        for (int r = 1; r < Probability.Count; r++)
        {
            if (!condition(Probability[r]))
            {
                continue;
            }
            if (ranges.Count > 0 && ranges[^1].Last == r - 1)
            {
                ranges[^1] = ranges[^1] with { Last = r };
            }
            else
            {
                ranges.Add(new DistanceRange(r, r));
            }
        }
        return ranges;
    }

    /// <summary>
    /// The median probability over the distances from <paramref name="first"/> on: what most of them have. With two chunks, no end share
    /// and not in follow mode, from the window's length on, it is the plateau (len - 1) / (Lt - len + 1) if Lt is at least 3 len.
    /// </summary>
    /// <returns>0 if there are no such distances</returns>
    public double Plateau(int first)
    {
        double[] sorted = [.. Probability.Skip(Math.Max(1, first)).Order()];
        return sorted.Length == 0 ? 0 : (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }
}
