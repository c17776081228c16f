using Skipwise.Distributed;
using Skipwise.Models;
using Skipwise.Training;
using Skipwise.Training.Parallel;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Skipwise.Tests.Training;

/// <summary>Parameters that are divided among ranks are on their way while the block before theirs computes.</summary>
public sealed class GatherAheadTests
{
    private const int Width = 4;

    [Theory]
    [InlineData(true), InlineData(false)]
    public void The_next_block_is_gathered_while_one_computes(bool trainsFirst)
    {
        using var scope = NewDisposeScope();
        var log = new List<string>();
        using var ranks = new RecordingRanks(log);
        using var residence = new ShardedParameters(ranks, dtype: null, CPU);
        Block[] blocks = [.. ((string[])["a", "b", "c"]).Select(name => Linear(name, name != "a" || trainsFirst, residence, log))];
        using var layers = new LayerwiseBackward();

        Tensor hidden = layers.Forward(blocks, ones(1, Width), recomputeEvery: 1);
        Assert.Equal(
            ["gather 1", "wait 1", "gather 2", "compute a", "wait 2", "gather 3", "compute b", "wait 3", "compute c"], log);

        log.Clear();
        layers.Backward(ones_like(hidden));
        string[] first = ["gather 4", "wait 4", "gather 5", "wait 5"]; // the last block is not computed again
        Assert.Equal(trainsFirst ? [.. first, "gather 6", "compute b", "wait 6", "compute a"] : [.. first, "compute b"], log);
    }

    /// <summary>The operation writes into its tensor until it has ended.</summary>
    [Fact]
    public void What_is_on_its_way_is_waited_for_before_it_is_freed()
    {
        var log = new List<string>();
        using var ranks = new RecordingRanks(log);
        var residence = new ShardedParameters(ranks, dtype: null, CPU);
        Linear("a", isTrained: true, residence, log).GatherAhead();
        Assert.Equal(["gather 1"], log);
        residence.Dispose();
        Assert.Equal(["gather 1", "wait 1"], log);
    }

    private static Block Linear(string name, bool isTrained, ShardedParameters residence, List<string> log)
    {
        Linear module = TorchSharp.torch.nn.Linear(Width, Width, hasBias: false);
        Parameter weight = module.named_parameters().Single().parameter;
        weight.requires_grad_(isTrained);
        using (no_grad())
        {
            using Tensor part = new ShardLayout(weight.numel(), 2).Part(weight, rank: 0);
            residence.Add(weight, part.clone().DetachFromDisposeScope(), weight.shape);
        }
        return new Block(name, module, input =>
        {
            log.Add($"compute {name}");
            return TorchSharp.torch.nn.functional.linear(input, weight);
        }, residence);
    }

    /// <summary>Rank 0 of two, which has all elements of small tensors; records when gathers begin and when they are waited for.</summary>
    private sealed class RecordingRanks(List<string> log) : ICollective
    {
        private int _gathers;

        public int Rank => 0;

        public int Size => 2;

        public int LocalRank => 0;

        public int LocalSize => 2;

        public string Description => "recorded";

        public ICollectiveHandle AllGatherAsync(Tensor input, Tensor output)
        {
            int gather = ++_gathers;
            log.Add($"gather {gather}");
            return new Handle(() => log.Add($"wait {gather}"));
        }

        public ICollectiveHandle BroadcastAsync(Tensor tensor, int root = 0) => throw new NotSupportedException();

        public ICollectiveHandle AllReduceAsync(Tensor tensor) => throw new NotSupportedException();

        public ICollectiveHandle ReduceScatterAsync(Tensor input, Tensor output) => throw new NotSupportedException();

        public ICollectiveHandle BarrierAsync() => throw new NotSupportedException();

        public void Abort(int exitCode) { }

        public void Dispose() { }
    }

    private sealed class Handle(Action wait) : ICollectiveHandle
    {
        public bool IsCompleted => false;

        public void Wait() => wait();
    }
}
