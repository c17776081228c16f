using System.Diagnostics;
using Skipwise.Runs;
using Skipwise.Tests.Cli;
using Skipwise.Tests.Distributed.Mpi;

namespace Skipwise.Tests.Distributed;

/// <summary>
/// The variables of a launcher, set by hand or left over in a shell: a process that is alone works, and one that seems to be of several
/// says in one error what is missing. It waits for nobody.
/// </summary>
[Collection(nameof(MpiJobs))]
public sealed class HandSetLauncherTests(RankedTraining training)
{
    private const string Torchrun = "LOCAL_RANK=0 LOCAL_WORLD_SIZE=2 MASTER_ADDR=127.0.0.1 MASTER_PORT=29500",
        Slurm = "SLURM_JOB_ID=7 SLURM_NTASKS=2 SLURM_PROCID=0 SLURM_LOCALID=0 SLURM_NODEID=0";

    [Theory]
    [InlineData("torchrun", "RANK=0 WORLD_SIZE=2 " + Torchrun,
        "error: torchrun started 2 processes that compute on the CPU. It comes with no library that moves host tensors: start them with "
        + "mpirun or srun instead, or let them see a GPU each.")]
    [InlineData("torchrun-1", "RANK=1 WORLD_SIZE=2 " + Torchrun, "error: rank 1 on ")]
    [InlineData("half", "RANK=0 WORLD_SIZE=2", "error: torchrun started 2 processes that compute on the CPU.")]
    [InlineData("srun", Slurm + " SLURM_STEP_ID=0 SLURM_STEP_NUM_TASKS=2", "error: srun started 2 processes, but MPI (")]
    public void A_process_that_seems_to_be_one_of_several_is_refused(string name, string environment, string message)
    {
        string folder = training.Path($"by-hand-{name}");
        (int code, string output, string error) = Run(folder, environment);
        Assert.Equal((1, ""), (code, output));
        Assert.StartsWith(message, Assert.Single(error.Split('\n'), line => line.Contains("error: ", StringComparison.Ordinal)),
            StringComparison.Ordinal);
        Assert.False(Directory.Exists(folder));
    }

    [Theory]
    [InlineData("alone", "RANK=0 WORLD_SIZE=1 LOCAL_RANK=0 LOCAL_WORLD_SIZE=1 MASTER_ADDR=127.0.0.1 MASTER_PORT=29500")]
    [InlineData("batch", Slurm), InlineData("step", Slurm + " SLURM_STEP_ID=0 SLURM_STEP_NUM_TASKS=1")]
    public void A_process_that_is_alone_works(string name, string environment)
    {
        string folder = training.Path($"by-hand-{name}");
        (int code, string _, string error) = Run(folder, environment);
        Assert.True(code == 0, error);
        Assert.True(new RunFolder(folder).IsFinished);
        Assert.DoesNotContain("ranks on", error, StringComparison.Ordinal);
    }

    private (int Code, string Output, string Error) Run(string folder, string environment)
    {
        Assert.SkipWhen(Environment.GetEnvironmentVariable("SKIPWISE_MPI") is not null, "an MPI library is named");
        ProcessStartInfo start = ToolProcess.Start(training.Arguments(folder, steps: 1));
        foreach (string[] pair in environment.Split(' ').Select(pair => pair.Split('=')))
        {
            start.Environment[pair[0]] = pair[1];
        }
        return ChildProcess.Run(start);
    }
}
