using Skipwise.Distributed;
using static TorchSharp.torch;

namespace Skipwise.Tests.Distributed;

/// <summary>Work of rank 0 alone, while the others wait.</summary>
public sealed class RankZeroWorkTests
{
    private static readonly TimeSpan s_long = TimeSpan.FromMinutes(1);

    [Fact]
    public void OthersGetWhatRankZeroComputesLongerThanAPulse() => Assert.Equal(["3", "3"], ThreadRanks.Run(2, ranks =>
        ranks.FromFirst(() =>
        {
            Thread.Sleep(1500);
            return "3";
        })));

    [Fact]
    public void AFailureOfTheOthersReachesRankZeroWhileItWorks()
    {
        using var end = new ManualResetEventSlim();
        using var ranks = new LostRanks();

        SkipwiseException failure = Assert.Throws<SkipwiseException>(() => ranks.OnFirst(() => end.Wait(s_long)));

        Assert.Equal("rank 1 is gone", failure.Message);
        end.Set();
    }

    [Fact]
    public void AnErrorOfTheWorkIsThrownAsItIs()
    {
        using var ranks = new LostRanks();

        Assert.Throws<FormatException>(() => ranks.OnFirst(() => throw new FormatException()));
    }

    /// <summary>Rank 0 of two; every operation fails.</summary>
    private sealed class LostRanks : ICollective
    {
        public int Rank => 0;

        public int Size => 2;

        public int LocalRank => 0;

        public int LocalSize => 2;

        public string Description => "lost";

        public ICollectiveHandle BroadcastAsync(Tensor tensor, int root = 0) => throw Lost();

        public ICollectiveHandle AllReduceAsync(Tensor tensor) => throw Lost();

        public ICollectiveHandle ReduceScatterAsync(Tensor input, Tensor output) => throw Lost();

        public ICollectiveHandle AllGatherAsync(Tensor input, Tensor output) => throw Lost();

        public ICollectiveHandle BarrierAsync() => throw Lost();

        public void Abort(int exitCode) { }

        public void Dispose() { }

        private static SkipwiseException Lost() => new("rank 1 is gone");
    }
}
