using CsCheck;
using Skipwise.Distributed;

namespace Skipwise.Tests.Distributed;

public sealed class SpreadTests
{
    [Fact]
    public void Every_unit_is_computed_once_and_all_ranks_have_all_results() =>
        Gen.Select(Gen.Long[1, 50].Array[0, 40], Gen.Int[1, 5], Gen.Bool).Sample((costs, ranks, inRuns) =>
        {
            IReadOnlyList<int[][]> Plan(int count) =>
                inRuns ? Spread.InRuns([.. costs.Select(cost => (cost + 3, cost))], count) : Spread.InTurn(costs.Length, count);
            var computed = new int[costs.Length];
            (int, string)[][] results = ThreadRanks.Run(ranks, all => Spread.Run(all, costs.Length, Plan, unit =>
            {
                Interlocked.Increment(ref computed[unit]);
                return $"{unit}";
            }, default).ToArray());
            Assert.All(computed, times => Assert.Equal(1, times));
            Assert.All(results, own => Assert.Equal(results[0], own));
            Assert.Equal(Enumerable.Range(0, costs.Length).Select(unit => (unit, $"{unit}")), results[0].Order());
        }, iter: 60, threads: 1);

    /// <summary>Against all ways to cut a list into runs: at most what a cut costs is lost.</summary>
    [Fact]
    public void The_most_expensive_run_is_about_as_cheap_as_possible() =>
        Gen.Select(Gen.Select(Gen.Long[0, 9], Gen.Long[1, 9]).Array[1, 9], Gen.Int[1, 4]).Sample((drawn, ranks) =>
        {
            (long First, long Next)[] costs = [.. drawn.Select(cost => (cost.Item1 + cost.Item2, cost.Item2))];
            long Cost(int[] run) => run.Length == 0 ? 0 : costs[run[0]].First + run.Skip(1).Sum(unit => costs[unit].Next);
            long Cheapest(int from, int left) => from == costs.Length ? 0 : left == 0 ? long.MaxValue : Enumerable
                .Range(from + 1, costs.Length - from)
                .Min(to => Math.Max(Cost([.. Enumerable.Range(from, to - from)]), Cheapest(to, left - 1)));
            IReadOnlyList<int[][]> plan = Spread.InRuns(costs, ranks);
            int[][] runs = [.. Enumerable.Range(0, ranks).Select(rank => plan.SelectMany(round => round[rank]).ToArray())];
            Assert.Equal(Enumerable.Range(0, costs.Length), runs.SelectMany(run => run));
            Assert.InRange(runs.Max(Cost), Cheapest(0, ranks), Cheapest(0, ranks) + costs.Max(cost => cost.First - cost.Next));
        }, iter: 300);

    [Fact]
    public void An_error_of_one_rank_is_thrown_on_all_and_they_can_go_on()
    {
        (string, int?, int)[] ends = ThreadRanks.Run(3, all =>
        {
            SkipwiseException error = Assert.Throws<SkipwiseException>(() => all.Together(() =>
            {
                if (all.Rank == 1)
                {
                    throw new SkipwiseException("no such file.");
                }
                all.Exchange(() => 1, default); // where the others are
                all.Exchange(() => 2, default);
                return 0;
            }, default));
            return (error.Message, FailedRank.Of(error)?.Rank, all.Exchange(() => all.Rank, default).Sum());
        });
        Assert.All(ends, end => Assert.Equal(("no such file.", 1, 3), end));
    }

    [Fact]
    public void A_rank_that_is_asked_to_stop_stops_all()
    {
        using var stop = new CancellationTokenSource();
        int[] computed = ThreadRanks.Run(4, all =>
        {
            int own = 0;
            Assert.Throws<OperationCanceledException>(() => Spread.Run(all, 100, ranks => Spread.InTurn(100, ranks), unit =>
            {
                if (unit == 41)
                {
                    stop.Cancel();
                }
                own++;
                return unit;
            }, all.Rank == 1 ? stop.Token : default).Count());
            return own;
        });
        Assert.Equal([12, 11, 12, 12], computed); // rank 1 computed unit 41 in round 11, and did not begin its next
    }

    [Fact]
    public void Numbers_travel_exactly()
    {
        double[] numbers = [Math.PI, double.NaN, double.NegativeInfinity, -0.0, double.Epsilon, 1 / 3.0];
        float[] singles = [MathF.E, float.NaN, float.Epsilon, 1 / 3f];
        Assert.All(ThreadRanks.Run(2, all => all.Exchange(() => (object[])[], default).Count + all.Exchange(() => numbers, default).Count),
            count => Assert.Equal(4, count));
        double[][] doubles = ThreadRanks.Run(2, all => all.Exchange(() => numbers, default)[1]);
        float[][] floats = ThreadRanks.Run(2, all => all.Exchange(() => singles, default)[1]);
        Assert.Equal(numbers.Select(BitConverter.DoubleToInt64Bits), doubles[0].Select(BitConverter.DoubleToInt64Bits));
        Assert.Equal(singles.Select(BitConverter.SingleToInt32Bits), floats[0].Select(BitConverter.SingleToInt32Bits));
    }
}
