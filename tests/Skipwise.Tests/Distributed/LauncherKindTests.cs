using Skipwise.Distributed;

namespace Skipwise.Tests.Distributed;

public sealed class LauncherKindTests
{
    [Theory]
    [InlineData("PMI_RANK=1 PMI_SIZE=4", LauncherKind.Hydra, 1, 4, null)]
    [InlineData("MV2_COMM_WORLD_RANK=3 MV2_COMM_WORLD_SIZE=8 MV2_COMM_WORLD_LOCAL_RANK=1", LauncherKind.Hydra, 3, 8, 1)]
    [InlineData("SLURM_PROCID=2 SLURM_STEP_NUM_TASKS=4 SLURM_LOCALID=0 PMI_RANK=2 PMI_SIZE=4", LauncherKind.Slurm, 2, 4, 0)]
    [InlineData("MPI_LOCALRANKID=0 PMI_RANK=1 PMI_SIZE=2 SLURM_PROCID=0 SLURM_STEP_NUM_TASKS=1", LauncherKind.Hydra, 1, 2, 0)]
    [InlineData("PMIX_RANK=1", LauncherKind.Pmix, 1, null, null)]
    [InlineData("PMI_RANK=1", LauncherKind.None, 0, 1, 0)]
    public void TheEnvironmentTellsTheLauncher(string environment, LauncherKind kind, int? rank, int? size, int? localRank)
    {
        var variables = environment.Split(' ').Select(pair => pair.Split('=')).ToDictionary(pair => pair[0], pair => pair[1]);

        Assert.Equal(new Launcher(kind, rank, size, localRank), Launcher.Detect(variables.GetValueOrDefault));
    }
}
