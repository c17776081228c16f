using Skipwise.Cli;

namespace Skipwise.Tests.Cli;

public class RangeBarTests
{
    [Fact]
    public void Full_cells_are_full_and_empty_ones_empty() =>
        Assert.Equal("|██····██|", RangeBar.Of([(0, 20), (60, 80)], length: 80, width: 8));

    [Fact]
    public void The_least_thing_shows_and_the_least_gap_too() =>
        Assert.Equal("|░▓|", RangeBar.Of([(5, 6), (1000, 1999)], length: 2000, width: 2));

    [Fact]
    public void A_line_shorter_than_the_bar_is_stretched() => Assert.Equal("|····████|", RangeBar.Of([(1, 2)], length: 2, width: 8));
}
