namespace Skipwise.Tests.Distributed.Mpi;

/// <summary>Jobs that do not begin: each says why once, and ends at once.</summary>
[Collection(nameof(MpiJobs))]
public sealed class RefusedJobTests(RankedTraining training)
{
    private static readonly TimeSpan s_end = TimeSpan.FromSeconds(20);

    [Fact]
    public void A_rank_with_another_seed_is_named()
    {
        string folder = training.Path("seeds"), host = Environment.MachineName;
        string[] OfSeed(int seed) => ["-n", "1", .. MpiJob.ToolCommand(training.Arguments(folder, more: ["--seed", $"{seed}"]))];
        Refused(MpiKind.OpenMpi, [.. OfSeed(1), ":", .. OfSeed(2)],
            $"error: rank 0 on {host}: rank 1 on {host} differs from rank 0 on {host}: seed is 1 on rank 0 and 2 on rank 1. ");
        Assert.False(Directory.Exists(folder));
    }

    /// <summary>A wrong command line is one before MPI is there.</summary>
    [Theory]
    [InlineData(MpiKind.OpenMpi, "--nonsense", "error: '--nonsense' is not understood here.")]
    [InlineData(MpiKind.Mpich, "--adam-beta1=3", "error: ")]
    public void A_wrong_option_is_said_once(MpiKind mpi, string option, string message)
    {
        string folder = training.Path("wrong");
        Refused(mpi, ["-n", "2", .. MpiJob.ToolCommand(training.Arguments(folder, more: [option]))], message);
        Assert.False(Directory.Exists(folder));
    }

    [Theory]
    [InlineData(MpiKind.OpenMpi, "libmpich.so.12", "mpirun of Open MPI started 2 processes, but MPI (MPICH ")]
    [InlineData(MpiKind.Mpich, "libmpi.so.40", "mpirun of MPICH started 2 processes, but MPI (Open MPI ")]
    public void The_library_of_another_MPI_is_refused(MpiKind mpi, string library, string message)
    {
        Assert.SkipWhen(Skipwise.Distributed.Mpi.MpiLibrary.TryLoad(library) is null, $"{library} is not installed");
        string folder = training.Path("foreign");
        string line = Refused(mpi, ["-n", "2", .. MpiJob.ToolCommand(training.Arguments(folder))], "error: ", ("SKIPWISE_MPI", library));
        Assert.Contains(message, line, StringComparison.Ordinal);
        Assert.Contains("knows 1: ", line, StringComparison.Ordinal);
        Assert.False(Directory.Exists(folder));
    }

    /// <summary>A verb that one process does is done by rank 0, and its result is there once.</summary>
    [Fact]
    public void A_verb_of_one_process_runs_on_rank_0()
    {
        using var job = MpiJob.Tool(MpiKind.Mpich, 2, ["inspect", "model", "--model", RankedTraining.Model]);
        (string output, string error) = job.Succeeded();
        Assert.Equal(RankedTraining.Alone(["inspect", "model", "--model", RankedTraining.Model]).Output, output);
        Assert.Single(error.Split('\n'),
            "inspect model runs in one process: rank 0 of those that mpirun of MPICH started; the others end at once");
    }

    /// <returns>the only error</returns>
    private static string Refused(MpiKind mpi, string[] args, string message, params (string, string)[] environment)
    {
        using var job = MpiJob.Start(mpi, args, environment);
        (int code, string output, string error) = job.Wait(s_end);
        Assert.Equal(1, code);
        job.RequireEndWithin(s_end);
        Assert.Equal("", output);
        string line = Assert.Single(error.Split('\n'), line => line.Contains("error: ", StringComparison.Ordinal));
        Assert.StartsWith(message, line, StringComparison.Ordinal);
        return line;
    }
}
