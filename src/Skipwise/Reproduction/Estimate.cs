using Skipwise.Numerics;

namespace Skipwise.Reproduction;

/// <summary>A mean with what it is worth.</summary>
/// <param name="Mean">over seeds, each the mean over its samples</param>
/// <param name="SeedError">standard error over seeds; null with one seed, or if no seed decides the value</param>
/// <param name="SampleError">standard error over samples (documents, trials), each its mean over seeds; null with one sample</param>
/// <param name="Seeds">number of seeds; 0: no seed decides it, because it is computed or of a model that is not trained</param>
/// <param name="Samples">number of samples per seed</param>
internal sealed record Estimate(double Mean, double? SeedError, double? SampleError, int Seeds, int Samples)
{
    /// <summary>A number without error: computed, or measured once.</summary>
    public static Estimate Exactly(double value) => new(value, null, null, 0, 0);

    /// <summary>
    /// Half of the 95 % interval, over new seeds and new samples: sqrt((t s1)^2 + (t s2)^2) with Student's t for each number of them. It is
    /// slightly too wide, because what is particular to one seed with one sample is in both errors. With one seed it covers samples only;
    /// NaN without any error.
    /// </summary>
    public double Reach()
    {
        if (SeedError is null && SampleError is null)
        {
            return double.NaN;
        }
        double seeds = SeedError is { } s1 ? Statistics.StudentT95(Seeds - 1) * s1 : 0,
            samples = SampleError is { } s2 ? Statistics.StudentT95(Samples - 1) * s2 : 0;
        return Math.Sqrt((seeds * seeds) + (samples * samples));
    }

    /// <summary>Lower end of the 95 % interval.</summary>
    public double Low() => Mean - Reach();

    /// <summary>Upper end of the 95 % interval.</summary>
    public double High() => Mean + Reach();

    /// <summary>
    /// The 95 % interval of a fraction of trials, inside [0, 1]: Wilson's for the trials, widened by the error over seeds. It has a width
    /// even if all trials end alike, where <see cref="Reach"/> has none.
    /// </summary>
    public (double Low, double High) FractionInterval()
    {
        (double low, double high) = Statistics.Wilson(Math.Clamp(Mean, 0, 1) * Samples, Samples);
        double seeds = SeedError is { } error ? Statistics.StudentT95(Seeds - 1) * error : 0;
        double Both(double samples) => Math.Sqrt((samples * samples) + (seeds * seeds));
        return (Math.Max(0, Mean - Both(Mean - low)), Math.Min(1, Mean + Both(high - Mean)));
    }

    /// <summary>The error to print behind the mean: that over seeds, or with one seed that over samples.</summary>
    public double? Error() => SeedError ?? SampleError;
}
