using Skipwise.Numerics;

namespace Skipwise.Tests.Numerics;

public class BootstrapTests
{
    private static readonly double[] s_values = [-0.5, -2.25, -1.0, -3.5, -0.125];

    [Theory]
    [InlineData(3500, 3.2176085544848827)] // three whole chunks
    [InlineData(50, 2.8615947842710963)]
    public void Draws_are_those_of_Python(int resamples, double expected) =>
        // CPython 3.11, random.choices and the same sums
        Assert.Equal(expected, Bootstrap.StandardError(s_values, mean => Math.Exp(-mean), resamples), 1e-12);

    [Fact]
    public void Of_a_mean_it_is_near_the_formula()
    {
        var random = new PythonRandom(1);
        double[] values = [.. Enumerable.Range(0, 200).Select(_ => random.NextDouble())];
        Assert.Equal(Statistics.StandardError(values), Bootstrap.StandardError(values, mean => mean, 20_000), 0.0005);
    }

    [Fact]
    public void One_value_says_nothing_about_spread() => Assert.Equal(double.NaN, Bootstrap.StandardError([1], mean => mean));

    [Fact]
    public void Two_values_and_two_resamples_are_the_least()
    {
        Assert.InRange(Bootstrap.StandardError([1, 3], mean => mean, 1000), 0.6, 0.8); // of the mean of two: 1 / sqrt(2)
        Assert.True(double.IsFinite(Bootstrap.StandardError([1, 3], mean => mean, 2)));
        Assert.Throws<ArgumentOutOfRangeException>(() => Bootstrap.StandardError([1, 3], mean => mean, 1));
    }

    [Fact]
    public void It_can_be_stopped() =>
        Assert.Throws<OperationCanceledException>(() => Bootstrap.StandardError(s_values, mean => mean, 1000, new CancellationToken(true)));
}
