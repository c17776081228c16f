using System.Numerics;
using System.Runtime.InteropServices;
using Skipwise.Distributed;
using Skipwise.Kernels;
using Skipwise.Models;
using Skipwise.Training.Optimizers;
using static TorchSharp.torch;

namespace Skipwise.Training.Parallel;

/// <summary>
/// Training by several ranks: each computes the gradients of its micro-batches, all take the same step. What is divided among them
/// (<see cref="Shard"/>) decides what is exchanged: whole gradients, or the parts that a rank updates and then the weights.
/// </summary>
/// <param name="optimizer">with the model's master weights, divided if <paramref name="shard"/> says so</param>
internal sealed class DataParallel(ICollective collective, Optimizer optimizer, Shard shard)
{
    private const int TablesAtOnce = 2; // of gathered weights
    private const long ElementsAtOnce = 1 << 28; // of a checksum

    private readonly bool _reducesEveryMicroBatch = shard >= Shard.Gradients;
    private readonly GradientBuckets _buckets = new(collective, optimizer, divides: shard != Shard.None, shard >= Shard.Gradients);

    /// <summary>The ranks.</summary>
    public ICollective Collective => collective;

    /// <summary>What is called for each block whose gradients are complete; null: nothing.</summary>
    /// <param name="isLast">whether this is the step's last micro-batch</param>
    public Action<Block>? OnBackward(bool isLast) => isLast || _reducesEveryMicroBatch ? _buckets.Add : null;

    /// <summary>To be called after the backward of a micro-batch.</summary>
    public void CompleteMicroBatch(bool isLast)
    {
        if (isLast || _reducesEveryMicroBatch)
        {
            _buckets.Complete();
        }
    }

    /// <summary>Sums over all ranks of a step's loss, and the norm of the gradients.</summary>
    /// <param name="loss">0-dim float64, the summed loss of this rank's examples</param>
    public (double Loss, double Norm) Sum(Tensor loss)
    {
        using var scope = NewDisposeScope();
        double[] own = stack([loss, optimizer.SumOfSquares()]).cpu().data<double>().ToArray();
        // all have the norm of undivided gradients: the first one's holds, whatever the others' processors round to
        double squares = shard != Shard.None || collective.Rank == 0 ? own[1] : 0;
        double[] all = collective.Sum(own[0], squares);
        return (all[0], Math.Sqrt(all[1]));
    }

    /// <summary>
    /// Checks that the ranks have the same weights to the last bit, where each has all: they drift apart silently if a processor or a
    /// memory is at fault, or if two machines round differently.
    /// </summary>
    /// <exception cref="SkipwiseException">a rank differs; names it and a parameter</exception>
    public void RequireEqualWeights()
    {
        if (shard == Shard.Parameters)
        {
            return; // each has its own part
        }
        using IDisposable noGradient = no_grad();
        IReadOnlyList<uint[]> all =
            collective.AllGather<uint[]>([.. optimizer.Masters.Entries.Select(entry => Checksum(entry.Parameter))]);
        for (int rank = 1; rank < all.Count; rank++)
        {
            int index = all[0].AsSpan().CommonPrefixLength(all[rank]);
            if (index < all[0].Length)
            {
                throw new SkipwiseException(FormattableString.Invariant(
                    $"The weights of rank {rank} differ from those of rank 0 ({optimizer.Masters.Entries[index].Name}), although all took ")
                    + "the same steps: a processor or a memory is at fault, or the machines are of two kinds. Continue the run from its "
                    + "checkpoint on other machines.");
            }
        }
    }

    /// <summary>Of the bits: a sum of fractions would depend on the number of threads.</summary>
    private static uint Checksum(Tensor values)
    {
        using var scope = NewDisposeScope();
        Tensor flat = values.detach().cpu().view(-1);
        uint checksum = 0;
        for (long start = 0; start < flat.numel(); start += ElementsAtOnce)
        {
            using var pointers = new TensorPointers();
            ReadOnlySpan<byte> bytes = pointers.Bytes(flat.narrow(0, start, Math.Min(ElementsAtOnce, flat.numel() - start)));
            foreach (ulong eight in MemoryMarshal.Cast<byte, ulong>(bytes))
            {
                checksum = BitOperations.Crc32C(checksum, eight);
            }
            foreach (byte one in bytes[(bytes.Length / sizeof(ulong) * sizeof(ulong))..])
            {
                checksum = BitOperations.Crc32C(checksum, one);
            }
        }
        return checksum;
    }

    /// <summary>Gives every rank the weights that the others have updated.</summary>
    public void GatherWeights()
    {
        if (shard == Shard.None && optimizer is Adafactor)
        {
            TakeFirstWeights();
        }
        if (shard is not (Shard.Optimizer or Shard.Gradients))
        {
            return; // all have updated all, or gather them when they compute
        }
        using IDisposable noGradient = no_grad();
        var begun = new Queue<Table>();
        foreach (Tensor[] parameters in Tables())
        {
            begun.Enqueue(Begin(parameters));
            if (begun.Count == TablesAtOnce)
            {
                End(begun.Dequeue());
            }
        }
        while (begun.TryDequeue(out Table? table))
        {
            End(table);
        }
    }

    /// <summary>Adafactor's means over a matrix depend on the number of threads in their last bits: rank 0's result holds.</summary>
    private void TakeFirstWeights()
    {
        ICollectiveHandle[] all = [.. optimizer.Masters.Entries.Select(entry => collective.BroadcastAsync(entry.Master))];
        Array.ForEach(all, handle => handle.Wait());
        optimizer.Masters.CopyToModel();
    }

    private Table Begin(Tensor[] parameters)
    {
        var members = new (Tensor Parameter, ShardLayout Layout, long Column)[parameters.Length];
        long columns = 0;
        for (int i = 0; i < parameters.Length; i++)
        {
            members[i] = (parameters[i], new ShardLayout(parameters[i].numel(), collective.Size), columns);
            columns += members[i].Layout.PerRank;
        }
        using var scope = NewDisposeScope();
        Tensor table = empty([collective.Size, columns], parameters[0].dtype, parameters[0].device), own = table[collective.Rank];
        foreach ((Tensor parameter, ShardLayout layout, long column) in members)
        {
            Tensor part = layout.Part(parameter, collective.Rank);
            own.narrow(0, column, part.numel()).copy_(part);
        }
        ICollectiveHandle handle = collective.AllGatherAsync(own, table);
        return new Table(table.DetachFromDisposeScope(), members, handle);
    }

    private static void End(Table begun)
    {
        begun.Handle.Wait();
        using Tensor table = begun.Cells;
        foreach ((Tensor parameter, ShardLayout layout, long column) in begun.Members)
        {
            using Tensor data = parameter.detach();
            layout.Copy(table, column, data, intoTable: false);
        }
    }

    /// <summary>The trained parameters in groups of one type and about a bucket's size.</summary>
    private IEnumerable<Tensor[]> Tables()
    {
        var group = new List<Tensor>();
        long bytes = 0;
        foreach (Tensor parameter in optimizer.Masters.Entries.Select(entry => entry.Parameter))
        {
            if (group.Count > 0 && (group[0].dtype != parameter.dtype || bytes >= GradientBuckets.BucketBytes))
            {
                yield return [.. group];
                group.Clear();
                bytes = 0;
            }
            group.Add(parameter);
            bytes += parameter.numel() * parameter.element_size();
        }
        if (group.Count > 0)
        {
            yield return [.. group];
        }
    }

    /// <param name="Cells">a row of each rank's parts</param>
    /// <param name="Members">parameters, with the first of their columns</param>
    private sealed record Table(Tensor Cells, (Tensor Parameter, ShardLayout Layout, long Column)[] Members, ICollectiveHandle Handle);
}
