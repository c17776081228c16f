using System.Diagnostics;

namespace Skipwise.Tests.Distributed.Mpi;

/// <summary>Ranks on two hosts, over TCP.</summary>
[Collection(nameof(MpiJobs))]
public sealed class TwoHostTests(RankedTraining training)
{
    private static readonly TimeSpan s_end = TimeSpan.FromSeconds(30);

    [Fact]
    public void Ranks_on_two_hosts_train_as_one_process()
    {
        using var hosts = new TwoHosts();
        string folder = training.Path("hosts");
        using (MpiJob job = hosts.Start(MpiKind.OpenMpi, training.Arguments(folder, more: ["--shard", "gradients"])))
        {
            (_, string error) = job.Succeeded();
            Assert.Single(error.Split('\n'), line => line.StartsWith("2 ranks on 2 hosts by ", StringComparison.Ordinal));
        }
        training.RequireSame(folder);
        long weights = new FileInfo(Path.Combine(folder, "model.safetensors")).Length;
        Assert.InRange(hosts.Received(), RankedTraining.Steps * weights / 2, 10 * RankedTraining.Steps * weights);
    }

    /// <summary>Neither rank waits for ever, although MPI's launcher cannot reach the second one any more.</summary>
    [Fact]
    public void A_network_that_is_gone_ends_the_ranks_of_both_hosts()
    {
        using var hosts = new TwoHosts();
        string folder = training.Path("cut");
        using MpiJob job = hosts.Start(MpiKind.Mpich, training.Arguments(folder, 0, "--save-every", "1"), ("SKIPWISE_RANK_TIMEOUT", "2"));
        job.AwaitLines(RankedTraining.Log(folder), 2);
        Assert.Equal(2, job.Ranks.Count);
        hosts.Cut();
        var clock = Stopwatch.StartNew();
        while (job.Ranks.Count > 0)
        {
            Assert.True(clock.Elapsed < s_end, $"ranks {string.Join(", ", job.Ranks.Keys)} live on");
            Thread.Sleep(50);
        }
        foreach (int rank in (int[])[0, 1])
        {
            (string here, string there) = rank == 0 ? (TwoHosts.First, TwoHosts.Second) : (TwoHosts.Second, TwoHosts.First);
            Assert.Matches($@"^error: rank {rank} on {here}, step \d+: rank {1 - rank} on {there} gives no sign of life for 2 seconds",
                File.ReadAllText(Path.Combine(folder, "ranks", $"{rank}.err")));
        }
        RankedTraining.RequireWhole(folder);
    }
}
