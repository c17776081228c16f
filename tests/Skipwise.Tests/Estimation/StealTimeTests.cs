using Skipwise.Estimation;

namespace Skipwise.Tests.Estimation;

public sealed class StealTimeTests
{
    [Fact]
    public void What_was_stolen_is_a_share_of_what_was_wanted()
    {
        StealTime before = StealTime.Parse("cpu  100 1 20 5000 70 3 4 10 0 0"), after = StealTime.Parse("cpu  145 2 25 5200 90 4 7 55 9 9");
        Assert.Equal(new StealTime(10, 138), before);
        Assert.Equal(0.45, after.FractionSince(before)); // 45 of 45 + 1 + 5 + 1 + 3 + 45
        Assert.Equal(0, before.FractionSince(before));
    }

    [Fact]
    public void The_kernel_s_count_is_read()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "only Linux tells");
        static long Wanted() => StealTime.Parse(File.ReadLines("/proc/stat").First()).Requested;
        long before = Wanted(), now = StealTime.Now().Requested;
        Assert.InRange(now, before, Wanted());
    }

    [Fact]
    public void A_kernel_that_does_not_count_it_says_nothing() => Assert.Equal(default, StealTime.Parse("cpu  100 1 20 5000"));
}
