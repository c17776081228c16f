using System.Diagnostics;
using System.Text.Json;
using Skipwise.Distributed;
using static TorchSharp.torch;

namespace Skipwise.Benchmarks;

/// <summary>Time of an operation on all ranks.</summary>
internal sealed record CollectiveTime(string Name, int Ranks, double Mib, double Milliseconds);

/// <summary>Times of the operations of a training, by size, from which the cost of other numbers of ranks is predicted.</summary>
internal static class CollectiveCase
{
    private const int Rounds = 15;

    public static void Run()
    {
        using ICollective ranks = Collectives.Join(Launcher.Detect());
        set_num_threads(1);
        foreach (long bytes in (long[])[8, 1 << 20, 25 << 20])
        {
            long each = Math.Max(1, bytes / sizeof(float) / ranks.Size);
            using Tensor whole = ones(each * ranks.Size, ScalarType.Float32), part = ones(each, ScalarType.Float32);
            using Tensor own = whole.narrow(0, ranks.Rank * each, each);
            foreach ((string name, Action work) in (IEnumerable<(string, Action)>)[
                ("all-reduce", () => ranks.AllReduce(whole)), ("reduce-scatter", () => ranks.ReduceScatter(whole, part)),
                ("all-gather", () => ranks.AllGather(own, whole))])
            {
                double[] times = [.. Enumerable.Range(0, Rounds).Select(_ =>
                {
                    ranks.Barrier();
                    var clock = Stopwatch.StartNew();
                    work();
                    return ranks.AllGather(clock.Elapsed.TotalMilliseconds).Max(); // the slowest rank's
                }).Order()];
                if (ranks.Rank == 0)
                {
                    double mib = whole.numel() * sizeof(float) / (double)(1 << 20);
                    Console.WriteLine(JsonSerializer.Serialize(
                        new CollectiveTime(name, ranks.Size, mib, Math.Round(times[Rounds / 2], 4)), BenchResult.Json));
                }
            }
        }
        ranks.Barrier();
    }
}
