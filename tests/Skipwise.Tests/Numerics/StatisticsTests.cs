using Skipwise.Numerics;

namespace Skipwise.Tests.Numerics;

public class StatisticsTests
{
    [Fact]
    public void Mean_and_standard_error_by_hand()
    {
        // deviations -3 -1 1 3: variance 20 / 3, over 4 values 5 / 3
        double[] values = [1, 3, 5, 7];
        Assert.Equal(4, Statistics.Mean(values), 15);
        Assert.Equal(Math.Sqrt(5.0 / 3), Statistics.StandardError(values), 15);
    }

    [Fact]
    public void Standard_error_survives_a_large_mean()
    {
        double[] values = [1e9 + 1, 1e9 + 3, 1e9 + 5, 1e9 + 7];
        Assert.Equal(Math.Sqrt(5.0 / 3), Statistics.StandardError(values), 12);
    }

    [Fact]
    public void Too_few_values_have_no_mean_or_no_spread()
    {
        Assert.Throws<ArgumentException>(() => Statistics.Mean([]));
        Assert.Equal(double.NaN, Statistics.StandardError([5]));
    }

    // R: qt(0.975, degrees)
    [Theory]
    [InlineData(1, 12.7062), InlineData(2, 4.30265), InlineData(9, 2.26216), InlineData(10, 2.22814), InlineData(11, 2.20099)]
    [InlineData(20, 2.08596), InlineData(100, 1.98397)]
    public void Students_quantiles_are_the_published_ones(int degrees, double expected) =>
        Assert.Equal(expected, Statistics.StudentT95(degrees), 2e-4);

    // Newcombe, Statistics in Medicine 17 (1998), table I, method 3
    [Theory]
    [InlineData(81, 263, 0.2553, 0.3662)]
    [InlineData(15, 148, 0.0624, 0.1605)]
    [InlineData(0, 20, 0.0000, 0.1611)]
    [InlineData(1, 29, 0.0061, 0.1718)]
    public void Wilson_intervals_are_the_published_ones(int successes, int trials, double low, double high)
    {
        (double foundLow, double foundHigh) = Statistics.Wilson(successes, trials);
        Assert.Equal(low, foundLow, 4);
        Assert.Equal(high, foundHigh, 4);
        // successes and failures mirror each other
        (double mirrorLow, double mirrorHigh) = Statistics.Wilson(trials - successes, trials);
        Assert.Equal(1 - foundHigh, mirrorLow, 14);
        Assert.Equal(1 - foundLow, mirrorHigh, 14);
    }

    [Fact]
    public void Wilson_ends_solve_the_score_equation()
    {
        // by definition |k/n - p| = z sqrt(p (1 - p) / n) at both ends
        for (int k = 1; k < 50; k++)
        {
            (double low, double high) = Statistics.Wilson(k, 50);
            foreach (double p in new[] { low, high })
            {
                Assert.Equal(1.959963984540054, Math.Abs((k / 50.0) - p) / Math.Sqrt(p * (1 - p) / 50), 9);
            }
        }
    }

    [Fact]
    public void Wilson_knows_its_edges()
    {
        Assert.Equal((0, 1), Statistics.Wilson(0, 0));
        Assert.Equal(0, Statistics.Wilson(0, 50).Low);
        Assert.Equal(1, Statistics.Wilson(50, 50).High);
        Assert.Throws<ArgumentOutOfRangeException>(() => Statistics.Wilson(3, 2));
        Assert.Throws<ArgumentOutOfRangeException>(() => Statistics.Wilson(-1, 2));
    }
}
