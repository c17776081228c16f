using System.Diagnostics;
using Skipwise.Numerics;
using Skipwise.Runs;

namespace Skipwise.Tests.Distributed.Mpi;

/// <summary>A rank that is killed ends the job, and the run goes on with other ranks and another stage as if nothing had
/// happened.</summary>
[Collection(nameof(MpiJobs))]
public sealed class KilledRankTests(RankedTraining training)
{
    private const int StepsPerKill = 5;
    private static readonly TimeSpan s_end = TimeSpan.FromSeconds(30);
    private static readonly (MpiKind Mpi, int Ranks, string Shard)[] s_jobs =
    [
        (MpiKind.Mpich, 4, "gradients"), (MpiKind.OpenMpi, 1, "none"), (MpiKind.OpenMpi, 2, "parameters"),
        (MpiKind.OpenMpi, 4, "optimizer"), (MpiKind.Mpich, 2, "none"), (MpiKind.Mpich, 4, "parameters"),
    ];

    /// <summary>SKIPWISE_RANK_KILLS=20 kills as often; each time is a job of its own.</summary>
    private static int Kills => int.TryParse(Environment.GetEnvironmentVariable("SKIPWISE_RANK_KILLS"), out int kills) ? kills : 2;

    /// <summary>The part of the optimizer state that a rank is about to write has no name yet when the rank is killed.</summary>
    [Theory]
    [InlineData(MpiKind.OpenMpi, 0, "parameters"), InlineData(MpiKind.Mpich, 1, "optimizer")]
    public void A_rank_that_is_killed_while_it_writes_its_part_loses_nothing(MpiKind mpi, int rank, string shard)
    {
        const int ranks = 2;
        string folder = training.Path($"killed-writing-{rank}"), own = StateFiles.NameOf(rank, ranks);
        using (var job = MpiJob.Tool(mpi, ranks, training.Arguments(folder, RankedTraining.Steps, "--save-every", "1", "--shard", shard)))
        {
            job.AwaitLines(RankedTraining.Log(folder), 3);
            int process = job.Ranks[rank];
            var clock = Stopwatch.StartNew();
            while (!IsWritten(Path.Combine(folder, "checkpoints"), $"{own}.*.incomplete"))
            {
                Assert.True(clock.Elapsed < s_end, "no part was seen while it was written");
            }
            MpiJob.Signal(process, "KILL");
            (int code, _, string error) = job.Wait(s_end);
            Assert.True(code != 0, error);
            job.RequireEndWithin(s_end);
        }
        RankedTraining.RequireWhole(folder);
        Assert.All(new RunFolder(folder).Checkpoints(), checkpoint =>
            Assert.Equal(ranks, Directory.EnumerateFiles(checkpoint, "training-*").Count()));
        RankedTraining.Alone(training.Arguments(folder, RankedTraining.Steps, "--resume"));
        training.RequireSame(folder);
        Assert.Empty(Directory.EnumerateFileSystemEntries(folder, "*.incomplete", SearchOption.AllDirectories));
    }

    private static bool IsWritten(string checkpoints, string pattern)
    {
        try
        {
            return Directory.EnumerateDirectories(checkpoints, "*.incomplete")
                .Any(folder => Directory.EnumerateFiles(folder, pattern).Any());
        }
        catch (DirectoryNotFoundException)
        {
            return false; // it has its name now
        }
    }

    [Fact]
    public void Ranks_that_are_killed_again_and_again_lose_nothing()
    {
        int steps = Math.Max(RankedTraining.Steps, StepsPerKill * Kills);
        string folder = training.Path("killed");
        for (int kill = 0; kill < Kills; kill++)
        {
            (MpiKind mpi, int ranks, string shard) = s_jobs[kill % s_jobs.Length];
            var rng = new KeyedRandom(7, 0, (ulong)kill);
            int lines = MpiJob.CountLines(RankedTraining.Log(folder));
            using MpiJob job = Start(mpi, ranks, shard);
            job.AwaitLines(RankedTraining.Log(folder), lines + rng.Between(2, 3));
            Thread.Sleep(rng.Between(0, 60)); // within a step, while it saves, or between
            int rank = rng.Between(0, ranks - 1);
            MpiJob.Signal(job.Ranks[rank], "KILL");
            var clock = Stopwatch.StartNew();
            (int code, _, string error) = job.Wait(s_end);
            Assert.True(code != 0, $"rank {rank} of {ranks} was killed, and the job succeeded\n{error}");
            job.RequireEndWithin(s_end - clock.Elapsed);
            RankedTraining.RequireWhole(folder);
        }
        (MpiKind lastMpi, int lastRanks, string lastShard) = s_jobs[Kills % s_jobs.Length];
        using (MpiJob job = Start(lastMpi, lastRanks, lastShard))
        {
            job.Succeeded();
        }
        training.RequireSame(folder, steps);

        MpiJob Start(MpiKind mpi, int ranks, string shard) =>
            MpiJob.Tool(mpi, ranks, training.Arguments(folder, steps, "--save-every", "1", "--shard", shard, "--resume"));
    }
}
