using Skipwise.Cli.Display;
using Skipwise.Recipes;

namespace Skipwise.Tests.Cli.Display;

/// <summary>The time that a comparison still takes.</summary>
public class JobPaceTests
{
    private static readonly (string, int)[] s_jobs = [("a", 100), ("a", 200), ("b", 10), ("a", 100), ("a", 200), ("b", 10)];

    [Fact]
    public void A_job_takes_what_its_kind_took_or_all_did()
    {
        var clock = new ManualClock();
        var pace = new JobPace(clock);
        Assert.Null(pace.Left(TimeSpan.FromSeconds(1)));
        pace.Begin(new ComparisonProgress(0, s_jobs, IsKept: false));
        Assert.Null(pace.Left(null));
        clock.Advance(4);
        // 10 s for 100 units: 6 s more here, and 520 units to come
        Assert.Equal(6 + 52, pace.Left(TimeSpan.FromSeconds(6))!.Value.TotalSeconds, 1e-6);
        clock.Advance(6);
        pace.Begin(new ComparisonProgress(1, s_jobs, IsKept: false));
        clock.Advance(20);
        pace.Begin(new ComparisonProgress(2, s_jobs, IsKept: false));
        clock.Advance(50);
        pace.Begin(new ComparisonProgress(3, s_jobs, IsKept: false));
        // a: 10 units a second; b: 5 seconds a unit
        Assert.Equal(7 + 20 + 50, pace.Left(TimeSpan.FromSeconds(7))!.Value.TotalSeconds, 1e-6);
    }

    [Fact]
    public void A_job_that_is_kept_tells_nothing_about_others()
    {
        var clock = new ManualClock();
        var pace = new JobPace(clock);
        pace.Begin(new ComparisonProgress(0, s_jobs, IsKept: true));
        pace.Begin(new ComparisonProgress(1, s_jobs, IsKept: false));
        clock.Advance(20);
        pace.Begin(new ComparisonProgress(3, s_jobs, IsKept: false));
        // 200 units took 20 s: so do the 200 to come of this kind, and the 10 of another take 1 s
        Assert.Equal(3 + 20 + 1, pace.Left(TimeSpan.FromSeconds(3))!.Value.TotalSeconds, 1e-6);
        pace.Begin(new ComparisonProgress(5, s_jobs, IsKept: false));
        Assert.Equal(3, pace.Left(TimeSpan.FromSeconds(3))!.Value.TotalSeconds, 1e-6);
    }
}
