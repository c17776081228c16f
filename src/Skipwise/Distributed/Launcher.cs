using System.Globalization;

namespace Skipwise.Distributed;

/// <summary>Programs that start the processes of a job.</summary>
public enum LauncherKind
{
    /// <summary>none: one process</summary>
    None,
    /// <summary>mpirun of Open MPI</summary>
    OpenMpi,
    /// <summary>mpirun of the MPICH family (Hydra)</summary>
    Hydra,
    /// <summary>srun of Slurm</summary>
    Slurm,
    /// <summary>another launcher that speaks PMIx, such as prterun</summary>
    Pmix,
    /// <summary>torchrun, or another that sets RANK and WORLD_SIZE</summary>
    Torchrun,
}

/// <summary>The launcher of this process, as its environment tells.</summary>
/// <param name="Kind">which program</param>
/// <param name="Rank">number of this process, from 0; null if the environment does not tell</param>
/// <param name="Size">number of processes; null if the environment does not tell</param>
/// <param name="LocalRank">number of this process on its host; null if the environment does not tell</param>
public sealed record Launcher(LauncherKind Kind, int? Rank, int? Size, int? LocalRank)
{
    private static readonly Launcher s_none = new(LauncherKind.None, 0, 1, 0);

    /// <summary>Whether several processes were started, or may have been.</summary>
    public bool StartsSeveral => Kind != LauncherKind.None && Size is null or > 1;

    /// <summary>the program, as people call it</summary>
    public string Name => Kind switch
    {
        LauncherKind.OpenMpi => "mpirun of Open MPI",
        LauncherKind.Hydra => "mpirun of MPICH",
        LauncherKind.Slurm => "srun",
        LauncherKind.Pmix => "a PMIx launcher",
        LauncherKind.Torchrun => "torchrun",
        _ => "no launcher",
    };

    /// <summary>Reads the environment.</summary>
    public static Launcher Detect() => Detect(Environment.GetEnvironmentVariable);

    /// <param name="variable">the value of an environment variable, or null</param>
    internal static Launcher Detect(Func<string, string?> variable)
    {
        int? Number(string name) =>
            int.TryParse(variable(name), NumberStyles.None, CultureInfo.InvariantCulture, out int value) ? value : null;
        if (Number("OMPI_COMM_WORLD_SIZE") is { } open)
        {
            return new(LauncherKind.OpenMpi, Number("OMPI_COMM_WORLD_RANK"), open, Number("OMPI_COMM_WORLD_LOCAL_RANK"));
        }
        if (variable("MPI_LOCALRANKID") is not null && (Number("PMI_SIZE") ?? Number("PMI_RANK")) is not null)
        {
            return new(LauncherKind.Hydra, Number("PMI_RANK"), Number("PMI_SIZE"), Number("MPI_LOCALRANKID"));
        }
        if (Number("MV2_COMM_WORLD_RANK") is { } mvapich && Number("MV2_COMM_WORLD_SIZE") is { } ranks) // mpirun_rsh of MVAPICH
        {
            return new(LauncherKind.Hydra, mvapich, ranks, Number("MV2_COMM_WORLD_LOCAL_RANK"));
        }
        // SLURM_NTASKS is that of the allocation: a batch script has it too, without srun
        if (Number("SLURM_PROCID") is { } process && Number("SLURM_STEP_NUM_TASKS") is { } tasks)
        {
            return new(LauncherKind.Slurm, process, tasks, Number("SLURM_LOCALID"));
        }
        if (Number("PMI_RANK") is { } pmi && Number("PMI_SIZE") is { } size) // srun sets them too
        {
            return new(LauncherKind.Hydra, pmi, size, null);
        }
        if (Number("PMIX_RANK") is { } rank)
        {
            return new(LauncherKind.Pmix, rank, null, null);
        }
        return Number("WORLD_SIZE") is { } world && Number("RANK") is { } number
            ? new(LauncherKind.Torchrun, number, world, Number("LOCAL_RANK"))
            : s_none;
    }
}
