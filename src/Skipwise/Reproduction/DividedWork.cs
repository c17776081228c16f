namespace Skipwise.Reproduction;

/// <summary>Divides planned work among ranks: that of one model stays on one rank, and all ranks get about the same.</summary>
internal static class DividedWork
{
    /// <summary>The work of one rank in three phases, each of which begins when all ranks have ended the one before: what others need, the
    /// rest, and what measures times, on rank 0 while the others rest.</summary>
    /// <param name="works">the same on all ranks</param>
    /// <param name="areDone">of each, the same on all ranks</param>
    public static IReadOnlyList<IReadOnlyList<PlannedWork>> OfRank(
        IReadOnlyList<PlannedWork> works, IReadOnlyList<bool> areDone, int rank, int ranks)
    {
        (PlannedWork Work, bool IsDone)[] all = [.. works.Zip(areDone)];
        return
        [
            Share(all.Where(each => each.Work.Use == WorkUse.ByOthers), rank, ranks),
            Share(all.Where(each => each.Work.Use == WorkUse.Result), rank, ranks),
            rank == 0 ? [.. works.Where(work => work.Use == WorkUse.Timed)] : [],
        ];
    }

    /// <summary>Groups go to the rank that has least to do, the largest first.</summary>
    private static PlannedWork[] Share(IEnumerable<(PlannedWork Work, bool IsDone)> works, int rank, int ranks)
    {
        long[] loads = new long[ranks];
        var own = new HashSet<string>();
        foreach ((string group, long size) in works.GroupBy(each => each.Work.Group)
            .Select(group => (group.Key, Size: group.Sum(each => each.IsDone ? 0 : each.Work.Size))).OrderByDescending(group => group.Size))
        {
            int least = Array.IndexOf(loads, loads.Min());
            loads[least] += size;
            if (least == rank)
            {
                own.Add(group);
            }
        }
        return [.. works.Where(each => own.Contains(each.Work.Group)).Select(each => each.Work)];
    }
}
