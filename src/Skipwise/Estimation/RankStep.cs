using Skipwise.Training;
using Skipwise.Training.Parallel;

namespace Skipwise.Estimation;

/// <summary>
/// Time of a training step of several ranks, by its schedule: operations go one after the other beside the computation, which waits where
/// it needs their result.
/// </summary>
/// <param name="Division">of the step among the ranks</param>
/// <param name="Ring">what an operation takes</param>
/// <param name="Passes">of one micro-batch, in their order</param>
/// <param name="UpdateSeconds">of the optimizer's update of all weights</param>
/// <param name="Width">bytes of an element of the weights</param>
internal sealed record RankStep(
    RankDivision Division, RingCost Ring, IReadOnlyList<BlockPass> Passes, double UpdateSeconds, int Width)
{
    /// <summary>Seconds of the passes alone: what a step would take if exchange and update took no time.</summary>
    /// <param name="accumulation">micro-batches of each rank</param>
    public double ComputeSeconds(int accumulation) => accumulation * Passes.Sum(pass => pass.Seconds);

    /// <summary>Seconds of a step.</summary>
    /// <param name="accumulation">micro-batches of each rank</param>
    public double Seconds(int accumulation)
    {
        if (!Division.Exchanges)
        {
            return ComputeSeconds(accumulation) + UpdateSeconds;
        }
        // the numbers of labels before the step, its loss before the update
        double computed = 2 * Ring.AllReduce(0), exchanged = 0;
        long all = Passes.Sum(pass => pass.Completed.Sum()) * sizeof(float);
        long limit = GradientBuckets.BytesOf(Division.DividesSums, all);
        for (int micro = 0; micro < accumulation; micro++)
        {
            bool reduces = Division.Shard >= Shard.Gradients || micro == accumulation - 1;
            var bucket = new Bucket(limit);
            double? ahead = null; // when the parameters of the pass have arrived that were asked for during the pass before it
            for (int i = 0; i < Passes.Count; i++)
            {
                BlockPass pass = Passes[i];
                if (Division.DividesParameters && pass.Gathered.Length > 0)
                {
                    exchanged = ahead is null ? Math.Max(exchanged, computed) + Gather(pass) : exchanged;
                    computed = Math.Max(computed, ahead ?? exchanged);
                    ahead = null;
                    if (i + 1 < Passes.Count && pass.IsFollowed)
                    {
                        exchanged = Math.Max(exchanged, computed) + Gather(Passes[i + 1]);
                        ahead = exchanged;
                    }
                }
                computed += pass.Seconds;
                foreach (long bytes in reduces ? pass.Completed.SelectMany(elements => bucket.Add(elements * sizeof(float))) : [])
                {
                    exchanged = Math.Max(exchanged, computed) + Reduce(bytes);
                }
            }
            exchanged = Math.Max(exchanged, computed) + bucket.Rest().Sum(Reduce);
            computed = exchanged; // a micro-batch ends when its gradients have arrived
        }
        double update = Division.Shard == Shard.None ? UpdateSeconds : UpdateSeconds / Division.Ranks;
        return computed + update + GatherWeights();
    }

    private double Gather(BlockPass pass) => pass.Gathered.Sum(elements => Ring.AllGather(elements * Width));

    private double Reduce(long bytes) => Division.Shard == Shard.None ? Ring.AllReduce(bytes) : Ring.ReduceScatter(bytes);

    /// <summary>Seconds in which the ranks give each other the weights that they have updated.</summary>
    private double GatherWeights()
    {
        if (Division.Shard is not (Shard.Optimizer or Shard.Gradients))
        {
            return 0;
        }
        var table = new Bucket(GradientBuckets.BucketBytes);
        long[] whole = [.. Passes.Reverse().SelectMany(pass => pass.Completed.Reverse()).SelectMany(n => table.Add(n * Width))];
        return whole.Concat(table.Rest()).Sum(bytes => Ring.AllGather(bytes));
    }

    /// <summary>Tensors that are sent together.</summary>
    /// <param name="limit">bytes of a full bucket</param>
    private sealed class Bucket(long limit)
    {
        private long _bytes;

        /// <returns>the bytes of the bucket, if it is full now</returns>
        public long[] Add(long bytes)
        {
            _bytes += bytes;
            return _bytes >= limit ? Rest() : [];
        }

        public long[] Rest()
        {
            long[] rest = _bytes > 0 ? [_bytes] : [];
            _bytes = 0;
            return rest;
        }
    }
}
