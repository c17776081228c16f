using Skipwise.Distributed.Mpi;

namespace Skipwise.Distributed;

/// <summary>Joins the processes of a job.</summary>
public static class Collectives
{
    /// <summary>Joins the other processes that the launcher started.</summary>
    /// <param name="launcher">that of this process (<see cref="Launcher.Detect()"/>)</param>
    /// <returns>to be disposed when all work is done; one process needs, and loads, no library</returns>
    /// <exception cref="SkipwiseException">the processes cannot be joined: no MPI library, or not that of the launcher</exception>
    public static ICollective Join(Launcher launcher) => launcher switch
    {
        { Kind: LauncherKind.Torchrun, StartsSeveral: true } => throw new SkipwiseException(
            "torchrun starts processes that each have a GPU. On the CPU MPI joins them: start them with mpirun or srun."),
        { StartsSeveral: true } => MpiCollective.Join(launcher),
        { Kind: LauncherKind.None } when IsMpiNamed => MpiCollective.Join(launcher with { Rank = null, Size = null, LocalRank = null }),
        _ => SingleProcess.Instance,
    };

    /// <summary>The user names an MPI library, which then tells the number of processes.</summary>
    private static bool IsMpiNamed => !string.IsNullOrEmpty(Environment.GetEnvironmentVariable(MpiLibraries.PathVariable));
}
