using Skipwise.Numerics;

namespace Skipwise.Reproduction;

/// <summary>
/// A measured quantity of a variant: a value for every seed and sample. Sample i is the same document or trial for all variants and seeds,
/// so that differences are taken within it.
/// </summary>
/// <param name="Values">by seed, then by sample; one row for a variant that no seed decides</param>
/// <param name="IsTrained">whether a seed decides the values</param>
internal sealed record SeedSamples(IReadOnlyList<IReadOnlyList<double>> Values, bool IsTrained = true)
{
    /// <summary>Mean and errors.</summary>
    public Estimate Estimate()
    {
        double[] seeds = [.. Values.Select(row => Statistics.Mean([.. row]))];
        double[] samples = [.. Enumerable.Range(0, Values[0].Count).Select(i => Statistics.Mean([.. Values.Select(row => row[i])]))];
        return new(Statistics.Mean(seeds), Known(Statistics.StandardError(seeds)), Known(Statistics.StandardError(samples)),
            IsTrained ? seeds.Length : 0, samples.Length);
    }

    /// <summary>The paired difference, by seed and sample. A variant without seeds is subtracted from, or by, every seed's.</summary>
    /// <exception cref="ArgumentException">the two have other samples or seeds, so they are no pairs</exception>
    public SeedSamples Minus(SeedSamples other)
    {
        int seeds = Math.Max(Values.Count, other.Values.Count), samples = Values[0].Count;
        bool arePairs = (Values.Count == seeds || Values.Count == 1) && (other.Values.Count == seeds || other.Values.Count == 1)
            && Values.Concat(other.Values).All(row => row.Count == samples);
        if (!arePairs)
        {
            throw new ArgumentException(
                $"{Values.Count} seeds of {samples} samples and {other.Values.Count} of {other.Values[0].Count} are no pairs",
                nameof(other));
        }
        return new(
        [
            .. Enumerable.Range(0, seeds).Select(seed => (IReadOnlyList<double>)
                [.. Enumerable.Range(0, samples).Select(i => Row(seed)[i] - other.Row(seed)[i])]),
        ], IsTrained || other.IsTrained);
    }

    /// <summary>All values times a constant.</summary>
    public SeedSamples Times(double factor) =>
        this with { Values = [.. Values.Select(row => (IReadOnlyList<double>)[.. row.Select(value => factor * value)])] };

    /// <summary>
    /// The paired difference of two means as a fraction of the second. Its errors are those of a ratio by the delta method: of
    /// (value - ratio * reference) / mean reference, pair by pair. What raises both alike, such as a hard document, is in no error.
    /// </summary>
    /// <inheritdoc cref="Minus"/>
    public Estimate RelativeTo(SeedSamples reference)
    {
        double mean = reference.Estimate().Mean, ratio = Estimate().Mean / mean;
        return Minus(reference.Times(ratio)).Times(1 / mean).Estimate() with { Mean = ratio - 1 };
    }

    private IReadOnlyList<double> Row(int seed) => Values[Values.Count == 1 ? 0 : seed];

    private static double? Known(double error) => double.IsNaN(error) ? null : error;
}
