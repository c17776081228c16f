using System.Diagnostics;
using Skipwise.Distributed;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Tests.Distributed;

/// <summary>
/// What every <see cref="ICollective"/> has to do, whatever moves the data: each rank knows what the others hold, and compares what comes
/// out with what it computes alone. All ranks run it.
/// </summary>
internal static class CollectiveChecks
{
    private const int Large = (1 << 19) + 3, InFlight = 48;
    private static readonly long[] s_sizes = [0, 1, 7, Large];
    private static readonly ScalarType[] s_numbers = [ScalarType.Float32, ScalarType.Float64, ScalarType.Int64],
        s_types = [.. s_numbers, ScalarType.BFloat16, ScalarType.Float16, ScalarType.Byte, ScalarType.Int32, ScalarType.Bool];

    /// <param name="waits">whether rank 0 also lets the others wait for longer than a second</param>
    public static void Run(ICollective ranks, bool waits)
    {
        Assert.InRange(ranks.Rank, 0, ranks.Size - 1);
        Assert.Equal((ranks.Rank, ranks.Size), (ranks.LocalRank, ranks.LocalSize)); // on one host
        foreach (long size in s_sizes)
        {
            foreach (ScalarType type in s_types)
            {
                using var scope = NewDisposeScope();
                BroadcastAndGather(ranks, size, type);
            }
            foreach (ScalarType type in s_numbers)
            {
                using var scope = NewDisposeScope();
                Sums(ranks, size, type);
            }
        }
        SameBits(ranks);
        PartsOfTensors(ranks);
        ManyAtOnce(ranks);
        Waiting(ranks);
        Records(ranks);
        First(ranks, waits);
        Refusals(ranks);
        ranks.Barrier();
    }

    /// <summary>What a rank holds: whole numbers that all types have exactly, also when they are added up.</summary>
    private static Tensor Values(int rank, long size, ScalarType type)
    {
        using var scope = NewDisposeScope();
        Tensor numbers = arange(rank, size + rank, ScalarType.Int32).remainder_(type == ScalarType.Bool ? 2 : 31);
        return numbers.to(type).MoveToOuterDisposeScope();
    }

    private static void BroadcastAndGather(ICollective ranks, long size, ScalarType type)
    {
        foreach (int root in (int[])[0, ranks.Size - 1])
        {
            Tensor tensor = Values(ranks.Rank, size, type);
            ranks.Broadcast(tensor, root);
            RequireSame(Values(root, size, type), tensor, $"broadcast of {size} {type} from {root}");
        }
        Tensor whole = cat([.. Enumerable.Range(0, ranks.Size).Select(rank => Values(rank, size, type))]);
        Tensor gathered = zeros(ranks.Size * size, type);
        ranks.AllGather(Values(ranks.Rank, size, type), gathered);
        RequireSame(whole, gathered, $"all-gather of {size} {type}");
        Tensor inPlace = zeros(ranks.Size * size, type);
        Tensor own = inPlace.narrow(0, ranks.Rank * size, size);
        own.copy_(Values(ranks.Rank, size, type));
        ranks.AllGather(own, inPlace);
        RequireSame(whole, inPlace, $"all-gather of {size} {type} in place");
    }

    private static void Sums(ICollective ranks, long size, ScalarType type)
    {
        Tensor tensor = Values(ranks.Rank, size, type);
        ranks.AllReduce(tensor);
        RequireSame(Sum(ranks, size, type), tensor, $"all-reduce of {size} {type}");
        Tensor part = zeros(size, type);
        ranks.ReduceScatter(Values(ranks.Rank, ranks.Size * size, type), part);
        RequireSame(Sum(ranks, ranks.Size * size, type).narrow(0, ranks.Rank * size, size), part, $"reduce-scatter of {size} {type}");
    }

    private static Tensor Sum(ICollective ranks, long size, ScalarType type)
    {
        Tensor sum = zeros(size, type);
        for (int rank = 0; rank < ranks.Size; rank++)
        {
            using Tensor next = Values(rank, size, type);
            sum.add_(next);
        }
        return sum;
    }

    /// <summary>Rounded sums are near those of float64, and the same to the last bit on all ranks.</summary>
    private static void SameBits(ICollective ranks)
    {
        using var scope = NewDisposeScope();
        Tensor[] all = [.. Enumerable.Range(0, ranks.Size).Select(rank => (arange(1, 100_004, ScalarType.Float64) * (rank + 0.37)).sin())];
        Tensor exact = all.Aggregate((sum, next) => sum + next), own = all[ranks.Rank].to(ScalarType.Float32);
        ranks.AllReduce(own);
        Assert.InRange((own.to(ScalarType.Float64) - exact).abs().max().item<double>(), 0, ranks.Size * 1e-6);
        Tensor gathered = zeros(ranks.Size * own.numel(), ScalarType.Float32);
        ranks.AllGather(own, gathered);
        for (int rank = 0; rank < ranks.Size; rank++)
        {
            RequireSame(own, gathered.narrow(0, rank * own.numel(), own.numel()), $"the sum on rank {rank}");
        }
    }

    /// <summary>A part of a tensor is contiguous and begins where it begins; what is around it stays.</summary>
    private static void PartsOfTensors(ICollective ranks)
    {
        using var scope = NewDisposeScope();
        Tensor whole = full([4, 3, 5], -1.0, ScalarType.Float32);
        whole[1].copy_(Values(ranks.Rank, 15, ScalarType.Float32).view(3, 5));
        whole[2].copy_(Values(ranks.Rank, 15, ScalarType.Float32).view(3, 5));
        ranks.AllReduce(whole[1]);
        ranks.Broadcast(whole[2], ranks.Size - 1);
        RequireSame(Sum(ranks, 15, ScalarType.Float32).view(3, 5), whole[1], "all-reduce of a part");
        RequireSame(Values(ranks.Size - 1, 15, ScalarType.Float32).view(3, 5), whole[2], "broadcast of a part");
        Assert.True((whole[0] == -1).all().item<bool>() && (whole[3] == -1).all().item<bool>(), "the tensor around a part has changed");
    }

    /// <summary>Operations that are on their way together, large ones before small ones, and waited for in another order.</summary>
    private static void ManyAtOnce(ICollective ranks)
    {
        using var scope = NewDisposeScope();
        var begun = new List<(ICollectiveHandle Handle, Tensor Expected, Tensor Actual, string Name)>();
        for (int i = 0; i < InFlight; i++)
        {
            long size = i % 8 == 0 ? Large / 4 : 1 + (37 * i);
            ScalarType type = s_numbers[i % s_numbers.Length];
            Tensor own = Values(ranks.Rank, size, type);
            switch (i % 5)
            {
                case 0:
                    begun.Add((ranks.AllReduceAsync(own), Sum(ranks, size, type), own, "all-reduce"));
                    break;
                case 1:
                    begun.Add((ranks.BroadcastAsync(own, i % ranks.Size), Values(i % ranks.Size, size, type), own, "broadcast"));
                    break;
                case 2:
                    Tensor gathered = zeros(ranks.Size * size, type);
                    begun.Add((ranks.AllGatherAsync(own, gathered),
                        cat([.. Enumerable.Range(0, ranks.Size).Select(rank => Values(rank, size, type))]), gathered, "all-gather"));
                    break;
                case 3:
                    Tensor part = zeros(size, type);
                    begun.Add((ranks.ReduceScatterAsync(Values(ranks.Rank, ranks.Size * size, type), part),
                        Sum(ranks, ranks.Size * size, type).narrow(0, ranks.Rank * size, size), part, "reduce-scatter"));
                    break;
                default:
                    begun.Add((ranks.BarrierAsync(), own, own, "barrier"));
                    break;
            }
        }
        for (int i = InFlight - 1; i >= 0; i--)
        {
            begun[i].Handle.Wait();
            Assert.True(begun[i].Handle.IsCompleted);
            RequireSame(begun[i].Expected, begun[i].Actual, $"{begun[i].Name}, number {i} at once");
        }
        begun[0].Handle.Wait(); // once more
        RequireSame(begun[0].Expected, begun[0].Actual, "what was waited for twice");
    }

    /// <summary>A barrier, or a sum, ends when the last rank has come, and ends without a wait for it.</summary>
    private static void Waiting(ICollective ranks)
    {
        if (ranks is ThreadRanks or SingleProcess)
        {
            return; // their operations end before they return
        }
        const int late = 300, slack = 100;
        foreach (bool isBarrier in (bool[])[true, false])
        {
            ranks.Barrier();
            var clock = Stopwatch.StartNew();
            bool isLast = ranks.Rank == ranks.Size - 1;
            Thread.Sleep(isLast ? late : 0);
            using Tensor one = ones(3);
            ICollectiveHandle handle = isBarrier ? ranks.BarrierAsync() : ranks.AllReduceAsync(one);
            Assert.False(!isLast && handle.IsCompleted, "an operation is over before the last rank has come");
            Assert.True(SpinWait.SpinUntil(() => handle.IsCompleted, TimeSpan.FromSeconds(30)), "an operation does not end by itself");
            Assert.InRange(clock.ElapsedMilliseconds, late - slack, 30_000);
            handle.Wait();
        }
    }

    private static void Records(ICollective ranks)
    {
        int[] all = [.. Enumerable.Range(0, ranks.Size)];
        Assert.Equal([all.Sum(), all.Length, all.Sum() * 0.25], ranks.Sum(ranks.Rank, 1, ranks.Rank * 0.25));
        IReadOnlyList<byte[]> bytes = ranks.AllGather([.. Enumerable.Repeat((byte)ranks.Rank, 11 * ranks.Rank)]); // none on rank 0
        Assert.Equal(all.Select(rank => Enumerable.Repeat((byte)rank, 11 * rank)), bytes);
        Assert.All(ranks.AllGather(Array.Empty<byte>()), Assert.Empty);
        Assert.Equal(all.Select(rank => new Note($"rank {rank} ä", rank == 0 ? double.NaN : rank, [rank])),
            ranks.AllGather(new Note($"rank {ranks.Rank} ä", ranks.Rank == 0 ? double.NaN : ranks.Rank, [ranks.Rank])), new NoteComparer());
        using var stop = new CancellationTokenSource();
        Assert.False(ranks.IsAnyStopped(stop.Token));
        if (ranks.Rank == ranks.Size - 1)
        {
            stop.Cancel();
        }
        Assert.True(ranks.IsAnyStopped(stop.Token));
    }

    private static void First(ICollective ranks, bool waits)
    {
        int calls = 0;
        string text = ranks.FromFirst(() =>
        {
            Thread.Sleep(waits ? 1500 : 0);
            calls++;
            return "of rank 0";
        });
        Assert.Equal(("of rank 0", ranks.Rank == 0 ? 1 : 0), (text, calls));
        ranks.OnFirst(() => calls++);
        Assert.Equal(ranks.Rank == 0 ? 2 : 0, calls);
    }

    /// <summary>What cannot be done is refused before anything is sent.</summary>
    private static void Refusals(ICollective ranks)
    {
        if (ranks is ThreadRanks or SingleProcess)
        {
            return; // no rules of theirs
        }
        using var scope = NewDisposeScope();
        Assert.Throws<ArgumentException>(() => ranks.AllReduceAsync(ones(3, ScalarType.BFloat16)));
        Assert.Throws<ArgumentException>(() => ranks.AllGatherAsync(ones(3), ones((3 * ranks.Size) + 1)));
        Assert.Throws<ArgumentException>(() => ranks.AllGatherAsync(ones(3), ones(3 * ranks.Size, ScalarType.Float64)));
        Assert.Throws<ArgumentException>(() => ranks.ReduceScatterAsync(ones(3 * ranks.Size), ones(4)));
    }

    private static void RequireSame(Tensor expected, Tensor actual, string what)
    {
        Assert.True(expected.shape.SequenceEqual(actual.shape) && expected.dtype == actual.dtype
            && (expected.numel() == 0 || (expected == actual).all().item<bool>()), $"{what}: other values");
    }

    private sealed record Note(string Text, double Number, int[] List);

    private sealed class NoteComparer : IEqualityComparer<Note>
    {
        public bool Equals(Note? x, Note? y) => (x!.Text, x.Number).Equals((y!.Text, y.Number)) && x.List.SequenceEqual(y.List);

        public int GetHashCode(Note obj) => 0;
    }
}
