using Skipwise.Estimation;
using Skipwise.Models;
using Skipwise.Models.Lora;
using Skipwise.Rope;
using Skipwise.Training;
using Skipwise.Training.Optimizers;
using static TorchSharp.torch;

namespace Skipwise.Tests.Estimation;

/// <summary>The predicted time of a step of several ranks, by cases computed by hand.</summary>
public sealed class RankStepTests
{
    private const long Bucket = 25L << 18; // elements of float32 that are one bucket

    /// <summary>On 2 ranks a reduce-scatter or an all-gather of a bucket takes 3 seconds, an all-reduce 6, numbers 0.</summary>
    private static readonly RingCost s_ring = new(2, LapSeconds: 0, SecondsPerByte: 3.0 / (Bucket * 2));

    /// <summary>Of a model of one layer, which has two buckets; embedding and head have one each.</summary>
    private static readonly BlockPass[] s_passes =
    [
        new(0, [Bucket], []), new(10, [Bucket, Bucket], []), new(4, [Bucket], [Bucket]), new(20, [Bucket, Bucket], [Bucket, Bucket]),
        new(0, [], [Bucket]),
    ];

    [Fact]
    public void A_ring_sends_all_but_a_part_in_one_hop_less_than_there_are_ranks()
    {
        var ring = new RingCost(4, LapSeconds: 3, SecondsPerByte: 2, SecondsPerAddedByte: 5);
        Assert.Equal((15, 45, 60), (ring.AllGather(8), ring.ReduceScatter(8), ring.AllReduce(8))); // 6 of 8 bytes: 3 + 12, + 30
    }

    /// <summary>One ring per GPU of a machine: each leaves the machine once, by the network of another GPU.</summary>
    [Theory]
    [InlineData(8, 7, 100), InlineData(16, 14 + 10, 40), InlineData(1024, 896 + 1270, 40)]
    public void Machines_add_slower_hops(int ranks, double lap, double bytesPerSecond)
    {
        var ring = RingCost.OfMachines(ranks, perMachine: 8, inside: (1, 100), between: (10, 5));
        Assert.Equal((lap, 1 / bytesPerSecond), (ring.LapSeconds, ring.SecondsPerByte));
        Assert.Equal(1.0 / 100, RingCost.OfMachines(ranks, 8, (1, 100), (10, 50)).SecondsPerByte); // a network faster than the machine
    }

    [Fact]
    public void Timed_operations_give_back_what_they_were_made_of()
    {
        var truth = new RingFit(2e-5, 4e-10, 5e-10);
        var times = Timed(truth);
        RingFit fit = RingFit.Of(times);
        Assert.Equal(truth.HopSeconds, fit.HopSeconds, 1e-5 * truth.HopSeconds);
        Assert.Equal(truth.SecondsPerByte, fit.SecondsPerByte, 1e-5 * truth.SecondsPerByte);
        Assert.Equal(truth.SecondsPerAddedByte, fit.SecondsPerAddedByte, 1e-5 * truth.SecondsPerAddedByte);

        // times that scatter by a tenth, alternately up and down, are met within it
        fit = RingFit.Of([.. times.Select((one, index) => one with { Seconds = one.Seconds * (index % 2 == 0 ? 1.1 : 0.9) })]);
        Assert.InRange(fit.HopSeconds / truth.HopSeconds, 0.9, 1.1);
        Assert.InRange(fit.For(4).AllReduce(1e7) / truth.For(4).AllReduce(1e7), 0.9, 1.1);

        Assert.Throws<ArgumentException>(() => RingFit.Of([.. times.Select(one => one with { Seconds = 1 / one.Seconds })]));
    }

    /// <summary>Seconds of 34 computed ones.</summary>
    [Theory]
    // complete after 14 (head), twice 34, 34: reductions from 14 to 20, 34 to 40, to 46, to 52
    [InlineData(Shard.None, 1, 52), InlineData(Shard.None, 2, 34 + 52)]
    // 14 to 17, 34 to 37, to 40, to 43; then four all-gathers of 3
    [InlineData(Shard.Optimizer, 1, 43 + 12), InlineData(Shard.Optimizer, 2, 34 + 43 + 12), InlineData(Shard.Gradients, 2, 43 + 43 + 12)]
    // embedding gathered at 3, layer at 9, forward until 19, head gathered at 22, computed at 26, reduced at 29, layer gathered at 35,
    // computed at 55, three reductions until 64
    [InlineData(Shard.Parameters, 1, 64), InlineData(Shard.Parameters, 3, 3 * 64)]
    public void A_step_waits_for_what_it_needs(Shard shard, int accumulation, double seconds)
    {
        RankStep Step(int ranks, double update) => new(new RankDivision(ranks, shard), s_ring, s_passes, update, sizeof(float));
        Assert.Equal(seconds, Step(2, update: 0).Seconds(accumulation), 1e-9);
        Assert.Equal(seconds + (shard == Shard.None ? 8 : 4), Step(2, update: 8).Seconds(accumulation), 1e-9);
        Assert.Equal((34 * accumulation) + 8, Step(1, update: 8).Seconds(accumulation), 1e-9);
        Assert.Equal(34 * accumulation, Step(2, update: 8).ComputeSeconds(accumulation), 1e-9);
    }

    /// <summary>The first layer's parameters are there at 6, those of the second at 12, or when the first has been computed.</summary>
    [Theory]
    [InlineData(10, 6 + 10 + 10), InlineData(2, 12 + 2)]
    public void The_next_layer_is_gathered_while_one_computes(double compute, double seconds)
    {
        BlockPass[] passes = [new(compute, [Bucket, Bucket], []) { IsFollowed = true }, new(compute, [Bucket, Bucket], [])];
        Assert.Equal(seconds, new RankStep(new RankDivision(2, Shard.Parameters), s_ring, passes, 0, sizeof(float)).Seconds(1), 1e-9);
        passes[0] = passes[0] with { IsFollowed = false };
        Assert.Equal(12 + (2 * compute),
            new RankStep(new RankDivision(2, Shard.Parameters), s_ring, passes, 0, sizeof(float)).Seconds(1), 1e-9);
    }

    /// <summary>Parameters smaller than a bucket go together, and each operation costs its latency.</summary>
    [Fact]
    public void Small_parameters_share_an_operation()
    {
        BlockPass[] passes = [new(10, [], [Bucket / 2, Bucket / 4, Bucket / 2]), new(10, [], [Bucket / 8, Bucket / 8])];
        var slow = new RingCost(2, LapSeconds: 1, SecondsPerByte: 0);
        // 2 laps of numbers before and after; buckets of 3 and 2 parameters, one from 10 on, the other at the end
        Assert.Equal(4 + 20 + 2, new RankStep(new RankDivision(2, Shard.None), slow, passes, 0, sizeof(float)).Seconds(1), 1e-9);
        // of 16 bits, all weights are less than a bucket: one all-gather
        Assert.Equal(4 + 20 + 1 + 1, new RankStep(new RankDivision(2, Shard.Optimizer), slow, passes, 0, 2).Seconds(1), 1e-9);
    }

    /// <summary>Nothing is hidden by a computation that takes no time: a byte per second makes seconds of all bytes that are
    /// sent.</summary>
    [Theory]
    [InlineData(Shard.None), InlineData(Shard.Optimizer), InlineData(Shard.Gradients), InlineData(Shard.Parameters)]
    public void The_bytes_are_those_of_the_estimate(Shard shard)
    {
        var config = new DecoderConfig
        {
            VocabSize = 512,
            HiddenSize = 64,
            IntermediateSize = 96,
            NumHiddenLayers = 6,
            NumAttentionHeads = 4,
            NumKeyValueHeads = 2,
            HeadDim = 16,
            MaxPositionEmbeddings = 128,
            Rope = new RopeOptions(),
        };
        using var sizes = new LayerSizes(config, new LoraOptions(), OptimizerKind.Adamw, (CPU, ScalarType.BFloat16), offload: false);
        var flops = new StepFlops(config, sizes.LayerMatrices, IsFrozen: false, RecomputeEvery: 1);
        var division = new RankDivision(8, shard);
        foreach (int accumulation in (int[])[1, 3])
        {
            RankStep step = new(division, new RingCost(8, 0, SecondsPerByte: 1),
                BlockPass.Of(sizes, flops, batch: 2, length: 32, double.PositiveInfinity), UpdateSeconds: 0, sizes.Width);
            Assert.Equal(division.BytesSent(sizes, accumulation), step.Seconds(accumulation), 1.0);
            RankStep computed = step with { Passes = BlockPass.Of(sizes, flops, batch: 2, length: 32, flopsPerSecond: 1) };
            double all = accumulation * (flops.Layers(2, 32) + (2 * 32 * flops.EndsPerToken));
            Assert.Equal(all, computed.ComputeSeconds(accumulation), 1e-9 * all);
        }
    }

    private static (int Laps, int Adding, int Ranks, double Bytes, double Seconds)[] Timed(RingFit truth) =>
    [
        .. from ranks in (int[])[2, 4]
           from bytes in (double[])[8, 1e6, 2.5e7]
           let ring = truth.For(ranks)
           from one in ((int Laps, int Adding, double Seconds)[])
               [(1, 0, ring.AllGather(bytes)), (1, 1, ring.ReduceScatter(bytes)), (2, 1, ring.AllReduce(bytes))]
           select (one.Laps, one.Adding, ranks, bytes, one.Seconds),
    ];
}
