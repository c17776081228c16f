using Skipwise.Distributed;
using Skipwise.Models;
using Skipwise.Training.Optimizers;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Skipwise.Training.Parallel;

/// <summary>
/// Adds up the gradients of all ranks while the backward pass goes on. Parameters are put into buckets in the order in which their
/// gradients are completed, from the head to the embedding. A bucket is reduced as soon as its gradients are complete and the buckets
/// before it are on their way, so all ranks reduce the same buckets in the same order, also a rank whose examples have no labels.
/// </summary>
/// <param name="divides">each rank gets its part of the sums (reduce-scatter) instead of all (all-reduce)</param>
/// <param name="isEveryMicroBatch">gradients are reduced after every micro-batch, and parts of sums accumulate; else whole gradients do
/// </param>
internal sealed class GradientBuckets(ICollective collective, Optimizer optimizer, bool divides, bool isEveryMicroBatch)
{
    /// <summary>Size above which a bucket is reduced.</summary>
    public const long BucketBytes = 25L << 20;

    /// <summary>Buckets on their way at most, where whole gradients are there only until they are reduced.</summary>
    public const int MostOnTheirWay = 2;

    private const int FewestBuckets = 8;

    private readonly Bucket[] _buckets = [.. Split(optimizer.Masters, collective.Size, divides)];
    private readonly Queue<(Bucket Bucket, ICollectiveHandle Handle, Tensor Sum, Tensor? Scattered)> _begun = [];
    private readonly HashSet<string> _ready = [];
    private int _next; // bucket that has not begun

    /// <summary>
    /// Size above which a bucket is reduced: where its sums are divided, less for a small model, of which few such buckets would be all.
    /// </summary>
    /// <param name="divides">each rank gets its part of the sums</param>
    /// <param name="all">bytes of all gradients, in float32</param>
    public static long BytesOf(bool divides, long all) => divides ? Math.Min(BucketBytes, all / FewestBuckets) : BucketBytes;

    /// <summary>The gradients of a block are complete.</summary>
    public void Add(Block block)
    {
        foreach ((string name, _) in block.Parameters)
        {
            _ready.Add(name);
        }
        while (_next < _buckets.Length && _buckets[_next].Members.All(member => _ready.Contains(member.Name)))
        {
            Begin(_buckets[_next++]);
            EndOldest(divides ? MostOnTheirWay : int.MaxValue);
        }
    }

    /// <summary>Reduces what is left, waits for all, and gives the sums to the optimizer.</summary>
    public void Complete()
    {
        while (_next < _buckets.Length)
        {
            Begin(_buckets[_next++]);
            EndOldest(divides ? MostOnTheirWay : int.MaxValue);
        }
        EndOldest(most: 0);
        _next = 0;
        _ready.Clear();
    }

    /// <summary>Gives the sums of finished buckets to the optimizer, and waits until no more than so many are on their way.</summary>
    private void EndOldest(int most)
    {
        while (_begun.TryPeek(out var oldest) && (_begun.Count > most || oldest.Handle.IsCompleted))
        {
            _begun.Dequeue();
            oldest.Handle.Wait();
            using (oldest.Sum)
            using (oldest.Scattered)
            {
                Hand(oldest.Bucket, oldest.Scattered ?? oldest.Sum);
            }
        }
    }

    private void Begin(Bucket bucket)
    {
        using IDisposable noGradient = no_grad();
        Device device = bucket.Members[0].Parameter.device;
        Tensor flat = empty(divides ? collective.Size * bucket.Columns : bucket.Elements, ScalarType.Float32, device)
            .DetachFromDisposeScope();
        using (NewDisposeScope())
        {
            Tensor table = divides ? flat.view(collective.Size, bucket.Columns) : flat;
            long place = 0;
            foreach ((int index, _, Tensor parameter) in bucket.Members)
            {
                var layout = new ShardLayout(parameter.numel(), collective.Size);
                using Tensor gradient = optimizer.TakeGradient(index, withAccumulated: !isEveryMicroBatch)
                    ?? zeros(parameter.shape, ScalarType.Float32, device);
                if (divides)
                {
                    layout.Copy(table, place, gradient.contiguous(), intoTable: true);
                }
                else
                {
                    flat.narrow(0, place, layout.Elements).view(parameter.shape).copy_(gradient);
                }
                place += divides ? layout.PerRank : layout.Elements;
            }
        }
        Tensor? part = divides ? empty(bucket.Columns, ScalarType.Float32, device).DetachFromDisposeScope() : null;
        _begun.Enqueue((bucket, part is null ? collective.AllReduceAsync(flat) : collective.ReduceScatterAsync(flat, part), flat, part));
    }

    private void Hand(Bucket bucket, Tensor sums)
    {
        using IDisposable noGradient = no_grad();
        long place = 0;
        foreach ((int index, _, Tensor parameter) in bucket.Members)
        {
            var layout = new ShardLayout(parameter.numel(), collective.Size);
            using Tensor part = sums.narrow(0, place, divides ? layout.Length(collective.Rank) : layout.Elements);
            optimizer.AddGradient(index, divides ? part : part.view(parameter.shape));
            place += divides ? layout.PerRank : layout.Elements;
        }
    }

    private static IEnumerable<Bucket> Split(MasterWeights masters, int ranks, bool divides)
    {
        long limit = BytesOf(divides, masters.Entries.Sum(entry => entry.Parameter.numel()) * sizeof(float));
        var members = new List<(int, string, Tensor)>();
        long elements = 0, columns = 0;
        for (int index = masters.Entries.Count - 1; index >= 0; index--)
        {
            (string name, Parameter parameter, _) = masters.Entries[index];
            members.Add((index, name, parameter));
            var layout = new ShardLayout(parameter.numel(), ranks);
            (elements, columns) = (elements + layout.Elements, columns + layout.PerRank);
            if (elements * sizeof(float) >= limit || index == 0)
            {
                yield return new Bucket([.. members], elements, columns);
                members.Clear();
                (elements, columns) = (0, 0);
            }
        }
    }

    /// <param name="Members">index in the master weights, name and parameter</param>
    /// <param name="Elements">of all parameters</param>
    /// <param name="Columns">elements of one rank's part, with what fills it up</param>
    private sealed record Bucket((int Index, string Name, Tensor Parameter)[] Members, long Elements, long Columns);
}
