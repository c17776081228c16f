using Skipwise.Reproduction;

namespace Skipwise.Tests.Reproduction;

public sealed class DividedWorkTests
{
    private static readonly PlannedWork[] s_works =
    [
        Work("base", "base", 4, WorkUse.ByOthers), Work("a1", "a", 5), Work("b", "b", 6), Work("a2", "a", 5), Work("c", "c", 3),
        Work("time", "a", 9, WorkUse.Timed),
    ];

    /// <summary>The largest group first, each to the rank with the least; what is done takes no time, and stays with its group.</summary>
    [Theory]
    [InlineData(2, 0, "", "base|a1 a2|time"), InlineData(2, 1, "", "|b c|")]
    [InlineData(2, 0, "a1 a2", "base|b|time"), InlineData(2, 1, "a1 a2", "|a1 a2 c|")]
    [InlineData(2, 0, "a1", "base|b|time"), InlineData(2, 1, "a1", "|a1 a2 c|")]
    [InlineData(5, 2, "", "|c|"), InlineData(5, 4, "", "||"), InlineData(1, 0, "", "base|a1 b a2 c|time")]
    public void A_rank_gets_whole_groups_of_about_its_share(int ranks, int rank, string done, string expected)
    {
        string[] finished = done.Split(' ');
        var phases = DividedWork.OfRank(s_works, [.. s_works.Select(work => finished.Contains(work.Key))], rank, ranks);
        Assert.Equal(expected, string.Join('|', phases.Select(phase => string.Join(' ', phase.Select(work => work.Key)))));
    }

    private static PlannedWork Work(string key, string group, long size, WorkUse use = WorkUse.Result) =>
        new(key, group, "train", size, () => false, () => { }) { Use = use };
}
