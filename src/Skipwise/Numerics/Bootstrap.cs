namespace Skipwise.Numerics;

/// <summary>
/// The bootstrap (Efron 1979) for statistics without a formula, with the draws of lm-evaluation-harness: resamples in chunks of 1,000,
/// chunk i from Python's Random(i).
/// </summary>
internal static class Bootstrap
{
    private const int ChunkSize = 1000;

    /// <summary>The sample standard deviation of a function of the mean, over resamples of the values.</summary>
    /// <param name="ofMean">the statistic, given a resample's mean</param>
    /// <param name="resamples">rounded down to whole chunks</param>
    /// <returns>NaN for fewer than two values</returns>
    public static double StandardError(double[] values, Func<double, double> ofMean, int resamples = 100_000,
        CancellationToken cancel = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(resamples, 2);
        if (values.Length < 2)
        {
            return double.NaN;
        }
        int size = Math.Min(ChunkSize, resamples), chunks = resamples / size;
        var statistics = new double[chunks * size];
        Parallel.For(0, chunks, new ParallelOptions { CancellationToken = cancel }, chunk =>
        {
            var random = new PythonRandom(chunk);
            for (int i = 0; i < size; i++)
            {
                double sum = 0;
                for (int draw = 0; draw < values.Length; draw++)
                {
                    sum += values[(int)(random.NextDouble() * values.Length)]; // random.choices
                }
                statistics[chunk * size + i] = ofMean(sum / values.Length);
            }
        });
        return Statistics.StandardError(statistics) * Math.Sqrt(statistics.Length);
    }
}
