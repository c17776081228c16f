using Skipwise.Cli.Display;

namespace Skipwise.Tests.Cli.Display;

public sealed class RemainingTimeTests
{
    private readonly ManualClock _clock = new();

    [Fact]
    public void Time_left_follows_the_work_done_since_the_first_report()
    {
        var pace = new RemainingTime(_clock);
        Assert.Null(pace.Estimate(100, 200)); // a resumed run: the first hundred steps are not ours
        _clock.Advance(10);
        Assert.Equal(TimeSpan.FromSeconds(90), pace.Estimate(110, 200));
        _clock.Advance(10);
        Assert.Equal(20 * 40.0 / 60, pace.Estimate(160, 200)!.Value.TotalSeconds, 1e-3);
        Assert.Equal(TimeSpan.Zero, pace.Estimate(200, 200));
    }

    [Fact]
    public void Work_that_starts_over_starts_the_clock_over()
    {
        var pace = new RemainingTime(_clock);
        _ = pace.Estimate(50, 100);
        _clock.Advance(1000);
        Assert.Null(pace.Estimate(0, 100));
        _clock.Advance(1);
        Assert.Equal(TimeSpan.FromSeconds(9), pace.Estimate(10, 100));
    }

    [Fact]
    public void The_second_of_two_runs_counts_only_its_own_time()
    {
        var pace = new RemainingTime(_clock);
        _ = pace.Estimate(1, 100);
        _clock.Advance(1000);
        _ = pace.Estimate(100, 100);
        Assert.Null(pace.Estimate(1, 100)); // begins with the same step as the first
        _clock.Advance(1);
        Assert.Equal(TimeSpan.FromSeconds(90), pace.Estimate(10, 100)! * 9);
    }

    [Theory]
    [InlineData(0, "0:00")]
    [InlineData(42, "0:42")]
    [InlineData(59.7, "1:00")]
    [InlineData(725, "12:05")]
    [InlineData(11275, "3:07:55")]
    [InlineData(100000, "27:46:40")]
    public void Times_read_as_on_a_clock(double seconds, string text) =>
        Assert.Equal(text, RemainingTime.Text(TimeSpan.FromSeconds(seconds)));
}
