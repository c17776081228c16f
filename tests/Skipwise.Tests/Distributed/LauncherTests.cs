using Skipwise.Distributed;

namespace Skipwise.Tests.Distributed;

/// <summary>What the environment says of the launcher. The variables are those that each launcher sets, as its own documentation lists
/// them, together with others that are there at the same time.</summary>
public sealed class LauncherTests
{
    private const string SlurmBatch = "SLURM_JOB_ID=7 SLURM_NTASKS=4 SLURM_NPROCS=4 SLURM_PROCID=0 SLURM_LOCALID=0 SLURM_NODEID=0",
        SlurmStep = SlurmBatch + " SLURM_STEP_ID=0 SLURM_STEP_NUM_TASKS=4";

    [Theory]
    [InlineData("", LauncherKind.None, 0, 1, 0)]
    [InlineData("OMPI_COMM_WORLD_SIZE=4 OMPI_COMM_WORLD_RANK=3 OMPI_COMM_WORLD_LOCAL_RANK=1 PMIX_RANK=3", LauncherKind.OpenMpi, 3, 4, 1)]
    [InlineData("PMI_RANK=3 PMI_SIZE=4 PMI_FD=9 MPI_LOCALRANKID=1 MPI_LOCALNRANKS=2", LauncherKind.Hydra, 3, 4, 1)]
    [InlineData("PMI_RANK=3 PMI_SIZE=4", LauncherKind.Hydra, 3, 4, null)] // another launcher of that family
    [InlineData("MV2_COMM_WORLD_RANK=3 MV2_COMM_WORLD_SIZE=4 MV2_COMM_WORLD_LOCAL_RANK=1", LauncherKind.Hydra, 3, 4, 1)] // MVAPICH
    [InlineData(SlurmStep + " SLURM_PROCID=3 SLURM_LOCALID=1", LauncherKind.Slurm, 3, 4, 1)]
    [InlineData(SlurmStep + " SLURM_PROCID=3 SLURM_LOCALID=1 PMI_RANK=3 PMI_SIZE=4", LauncherKind.Slurm, 3, 4, 1)] // srun --mpi=pmi2
    [InlineData(SlurmStep + " SLURM_PROCID=3 SLURM_LOCALID=1 PMIX_RANK=3", LauncherKind.Slurm, 3, 4, 1)] // srun --mpi=pmix
    [InlineData("PMIX_RANK=3 PMIX_NAMESPACE=prterun-1@1", LauncherKind.Pmix, 3, null, null)]
    [InlineData("RANK=3 WORLD_SIZE=4 LOCAL_RANK=1 MASTER_ADDR=a MASTER_PORT=1", LauncherKind.Torchrun, 3, 4, 1)]
    [InlineData("OMPI_COMM_WORLD_SIZE=1 OMPI_COMM_WORLD_RANK=0 OMPI_COMM_WORLD_LOCAL_RANK=0", LauncherKind.OpenMpi, 0, 1, 0)]
    // A batch script runs once: only what srun or mpirun starts in it is several.
    [InlineData(SlurmBatch, LauncherKind.None, 0, 1, 0)]
    [InlineData(SlurmBatch + " OMPI_COMM_WORLD_SIZE=4 OMPI_COMM_WORLD_RANK=3 OMPI_COMM_WORLD_LOCAL_RANK=1", LauncherKind.OpenMpi, 3, 4, 1)]
    [InlineData(SlurmStep + " PMI_RANK=3 PMI_SIZE=4 MPI_LOCALRANKID=1", LauncherKind.Hydra, 3, 4, 1)] // mpirun of MPICH starts by srun
    [InlineData(SlurmBatch + " RANK=3 WORLD_SIZE=4 LOCAL_RANK=1", LauncherKind.Torchrun, 3, 4, 1)]
    // Variables of which one alone says nothing, or that are no numbers.
    [InlineData("RANK=3", LauncherKind.None, 0, 1, 0), InlineData("WORLD_SIZE=4", LauncherKind.None, 0, 1, 0)]
    [InlineData("RANK=colonel WORLD_SIZE=4", LauncherKind.None, 0, 1, 0), InlineData("PMI_RANK=3", LauncherKind.None, 0, 1, 0)]
    [InlineData("OMPI_COMM_WORLD_SIZE=-4 OMPI_COMM_WORLD_RANK=3", LauncherKind.None, 0, 1, 0)]
    public void Each_launcher_is_known_by_its_variables(string environment, LauncherKind kind, int? rank, int? size, int? localRank)
    {
        var launcher = Detect(environment);
        Assert.Equal(new Launcher(kind, rank, size, localRank), launcher);
        Assert.Equal(kind != LauncherKind.None && size != 1, launcher.StartsSeveral);
    }

    /// <summary>One process, and one that mpirun starts, load no MPI library.</summary>
    [Theory]
    [InlineData(""), InlineData(SlurmBatch), InlineData("OMPI_COMM_WORLD_SIZE=1 OMPI_COMM_WORLD_RANK=0")]
    public void One_process_joins_nobody(string environment)
    {
        Assert.SkipWhen(Environment.GetEnvironmentVariable("SKIPWISE_MPI") is not null, "an MPI library is named");
        Assert.Same(SingleProcess.Instance, Collectives.Join(Detect(environment)));
    }

    private static Launcher Detect(string environment)
    {
        var variables = environment.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(pair => pair.Split('='))
            .GroupBy(pair => pair[0]).ToDictionary(group => group.Key, group => group.Last()[1]);
        return Launcher.Detect(variables.GetValueOrDefault);
    }
}
