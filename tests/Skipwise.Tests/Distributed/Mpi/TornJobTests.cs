using System.Text.RegularExpressions;
using Skipwise.Runs;

namespace Skipwise.Tests.Distributed.Mpi;

/// <summary>Jobs that cannot go on, or are asked not to: they end soon, with one message, and leave a whole folder.</summary>
[Collection(nameof(MpiJobs))]
public sealed class TornJobTests(RankedTraining training)
{
    private static readonly TimeSpan s_end = TimeSpan.FromSeconds(30), s_endWithoutLauncher = TimeSpan.FromSeconds(30);

    [Theory]
    [InlineData(MpiKind.OpenMpi, 0), InlineData(MpiKind.Mpich, 1)]
    public void A_rank_that_is_stopped_is_named_by_its_neighbour(MpiKind mpi, int rank)
    {
        string folder = training.Path($"stopped-{mpi}");
        using var job = MpiJob.Tool(mpi, 2, training.Arguments(folder, 0, "--save-every", "1"), ("SKIPWISE_RANK_TIMEOUT", "2"));
        job.AwaitLines(RankedTraining.Log(folder), 2);
        MpiJob.Signal(job.Ranks[rank], "STOP");
        (int code, _, string error) = job.Wait(s_end);
        Assert.NotEqual(0, code);
        job.RequireEndWithin(s_end);
        string line = OnlyError(error), host = Environment.MachineName;
        Assert.Matches($@"^error: rank {1 - rank} on {host}, step \d+: rank {rank} on {host} gives no sign of life for 2 seconds", line);
        Assert.Equal(line, File.ReadAllText(Path.Combine(folder, "ranks", $"{1 - rank}.err")).TrimEnd());
        RankedTraining.RequireWhole(folder);
    }

    [Theory]
    [InlineData(MpiKind.OpenMpi), InlineData(MpiKind.Mpich)]
    public void Without_their_launcher_no_ranks_live_on(MpiKind mpi)
    {
        string folder = training.Path($"orphans-{mpi}");
        using var job = MpiJob.Tool(mpi, 2, training.Arguments(folder, 0, "--save-every", "1"));
        job.AwaitLines(RankedTraining.Log(folder), 2);
        Assert.Equal(2, job.Ranks.Count);
        MpiJob.Signal(job.Launcher.Id, "KILL");
        job.RequireEndWithin(s_endWithoutLauncher);
        RankedTraining.RequireWhole(folder);
    }

    /// <summary>One rank hears it, or mpirun passes it on; its own exit code is not 0 or that of the ranks with every MPI.</summary>
    [Theory]
    [InlineData(MpiKind.OpenMpi, "optimizer"), InlineData(MpiKind.Mpich, "none")]
    public void SIGTERM_stops_all_ranks_at_the_same_step_with_a_checkpoint(MpiKind mpi, string shard)
    {
        string folder = training.Path($"asked-{mpi}");
        using (var job = MpiJob.Tool(mpi, 2, training.Arguments(folder, more: ["--shard", shard])))
        {
            job.AwaitLines(RankedTraining.Log(folder), 3);
            // Open MPI's launcher passes it on a second late, and kills a second later
            MpiJob.Signal(mpi == MpiKind.OpenMpi ? job.Ranks[1] : job.Launcher.Id, "TERM");
            (int code, _, string error) = job.Wait(s_end);
            Assert.True(mpi == MpiKind.OpenMpi ? code != 0 : code is 130 or 0, $"exit code {code}");
            job.RequireEndWithin(s_end);
            Assert.DoesNotContain("error:", error, StringComparison.Ordinal);
            string checkpoint = Assert.Single(new RunFolder(folder).Checkpoints());
            Assert.EndsWith($"step-{RankedTraining.Metrics(folder).Length:000000}", checkpoint, StringComparison.Ordinal);
            Assert.Single(Lines(error), $"saved {checkpoint}; continue with --resume");
        }
        RankedTraining.RequireWhole(folder);
        RankedTraining.Alone(training.Arguments(folder, more: ["--resume"]));
        training.RequireSame(folder);
    }

    /// <summary>A rank may not write a file as large as its part: of the whole model on rank 0, or of each rank's.</summary>
    [Theory]
    [InlineData(0, "none"), InlineData(1, "optimizer")]
    public void A_full_disk_is_said_once_and_leaves_a_whole_folder(int rank, string shard)
    {
        const string limits = """
            if [ "${OMPI_COMM_WORLD_RANK:-$PMI_RANK}" = "$1" ]; then trap '' XFSZ; ulimit -f 12000; fi; shift; exec "$@"
            """;
        string folder = training.Path($"full-{rank}");
        string[] command = MpiJob.ToolCommand(training.Arguments(folder, more: ["--save-every", "2", "--shard", shard]));
        using (var job = MpiJob.Start(MpiKind.OpenMpi, ["-n", "2", "sh", "-c", limits, "sh", $"{rank}", .. command],
            ("DOTNET_EnableWriteXorExecute", "0"))) // .NET's own files in memory count too
        {
            (int code, _, string error) = job.Wait();
            Assert.Equal(1, code);
            job.RequireEndWithin(s_end);
            Assert.Matches($"^error: rank {rank} on {Environment.MachineName}, step 2: {Regex.Escape(folder)}/checkpoints/step-000002/"
                + @"(model|training)(-00002-of-00002)?\.safetensors: cannot be written: ", OnlyError(error));
        }
        RankedTraining.RequireWhole(folder, saves: false);
        Assert.Empty(Directory.EnumerateFileSystemEntries(folder, "*.incomplete", SearchOption.AllDirectories));
        RankedTraining.Alone(training.Arguments(folder, more: ["--resume"]));
        training.RequireSame(folder);
    }

    private static string OnlyError(string error) =>
        Assert.Single(Lines(error), line => line.Contains("error: ", StringComparison.Ordinal));

    private static string[] Lines(string text) => text.Split('\n');
}
