namespace Skipwise.Distributed;

/// <summary>
/// Independent units of work over the ranks, in rounds: in each, every rank computes its own units, and then all have the results of all.
/// Which rank computes a unit is no part of its result.
/// </summary>
internal static class Spread
{
    private const int RoundsOfRuns = 32;

    /// <summary>Every rank takes the next unit in turn; results come in the order of the units.</summary>
    /// <returns>by round and rank, its units</returns>
    public static IReadOnlyList<int[][]> InTurn(int units, int ranks) =>
        [.. Enumerable.Range(0, units).Select(unit => (int[])[unit]).Chunk(ranks)];

    /// <summary>
    /// Every rank takes a run of consecutive units, so that those next to each other can share work. The most expensive run is about as
    /// cheap as possible.
    /// </summary>
    /// <param name="costs">of each unit: as the first of its rank, and after the unit before it</param>
    /// <returns>by round and rank, its units; in a round, all ranks do about the same part of the whole</returns>
    public static IReadOnlyList<int[][]> InRuns(IReadOnlyList<(long First, long Next)> costs, int ranks)
    {
        long low = costs.Count == 0 ? 0 : costs.Max(cost => cost.Next), high = costs.Sum(cost => Math.Max(cost.First, cost.Next));
        while (low < high)
        {
            long middle = low + ((high - low) / 2);
            (low, high) = Runs(costs, middle)?.Count <= ranks ? (low, middle) : (middle + 1, high);
        }
        List<List<int>> runs = Runs(costs, high)!;
        List<int>[][] rounds =
        [
            .. Enumerable.Range(0, RoundsOfRuns).Select(_ => Enumerable.Range(0, ranks).Select(_ => new List<int>()).ToArray()),
        ];
        for (int rank = 0; rank < runs.Count; rank++)
        {
            long begun = 0;
            foreach (int unit in runs[rank])
            {
                rounds[(int)Math.Min(RoundsOfRuns - 1, begun * RoundsOfRuns / Math.Max(1, high))][rank].Add(unit);
                begun += unit == runs[rank][0] ? costs[unit].First : costs[unit].Next;
            }
        }
        return
        [
            .. rounds.Where(round => round.Any(own => own.Count > 0))
                .Select(round => round.Select(own => own.ToArray()).ToArray()),
        ];
    }

    /// <summary>Computes the units, each on one rank.</summary>
    /// <param name="units">number of units</param>
    /// <param name="plan">of the number of units and ranks, the same on all ranks; not needed for one rank, which takes the units in
    /// order</param>
    /// <param name="compute">the result of a unit, which travels as JSON</param>
    /// <param name="stop">asks this rank to stop</param>
    /// <returns>the results of all units, on every rank in the same order</returns>
    public static IEnumerable<(int Unit, T Result)> Run<T>(ICollective ranks, int units, Func<int, IReadOnlyList<int[][]>> plan,
        Func<int, T> compute, CancellationToken stop)
    {
        if (ranks.Size == 1)
        {
            for (int unit = 0; unit < units; unit++)
            {
                yield return (unit, compute(unit));
            }
            yield break;
        }
        foreach (int[][] round in plan(ranks.Size))
        {
            int[] own = ranks.Rank < round.Length ? round[ranks.Rank] : [];
            IReadOnlyList<T[]> results = ranks.Exchange(() => own.Select(Computed).ToArray(), stop);
            foreach ((int unit, T result) in round.Zip(results).SelectMany(rank => rank.First.Zip(rank.Second)))
            {
                yield return (unit, result);
            }
        }

        T Computed(int unit)
        {
            stop.ThrowIfCancellationRequested();
            return compute(unit);
        }
    }

    /// <summary>Consecutive units, as many at a time as cost no more than the limit; null if a first one alone costs more.</summary>
    private static List<List<int>>? Runs(IReadOnlyList<(long First, long Next)> costs, long limit)
    {
        var runs = new List<List<int>>();
        long sum = 0;
        for (int unit = 0; unit < costs.Count; unit++)
        {
            if (runs.Count > 0 && sum + costs[unit].Next <= limit)
            {
                runs[^1].Add(unit);
                sum += costs[unit].Next;
            }
            else if (costs[unit].First <= limit)
            {
                runs.Add([unit]);
                sum = costs[unit].First;
            }
            else
            {
                return null;
            }
        }
        return runs;
    }
}
