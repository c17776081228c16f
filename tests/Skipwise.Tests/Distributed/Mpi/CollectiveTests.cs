using Skipwise.Distributed;

namespace Skipwise.Tests.Distributed.Mpi;

/// <summary>The operations of several ranks, through each MPI.</summary>
[Collection(nameof(MpiJobs))]
public sealed class CollectiveTests
{
    [Theory]
    [InlineData(MpiKind.OpenMpi, 2), InlineData(MpiKind.OpenMpi, 4), InlineData(MpiKind.Mpich, 2), InlineData(MpiKind.Mpich, 4)]
    public void All_operations_give_what_a_rank_computes_alone(MpiKind mpi, int ranks)
    {
        string waits = ranks == 2 ? RankProcess.Waits : "short";
        using var job = MpiJob.Start(mpi, ["-n", $"{ranks}", Environment.ProcessPath!], (RankProcess.Asked, waits), ("TERM", "dumb"));
        (string output, _) = job.Succeeded();
        Assert.Equal(Enumerable.Range(0, ranks).Select(rank => RankProcess.Said(rank, ranks)),
            output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Order(StringComparer.Ordinal));
    }

    /// <summary>The ranks of the other tests, and one process alone, keep to the same definition.</summary>
    [Theory]
    [InlineData(1), InlineData(3)]
    public void Threads_do_the_same(int ranks) => ThreadRanks.Run(ranks, collective =>
    {
        CollectiveChecks.Run(collective, waits: false);
        return true;
    });

    [Fact]
    public void One_process_does_the_same() => CollectiveChecks.Run(SingleProcess.Instance, waits: false);
}
