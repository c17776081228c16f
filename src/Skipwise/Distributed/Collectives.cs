using Skipwise.Distributed.Mpi;
using Skipwise.Distributed.Nccl;
using Skipwise.Runtime;
using static TorchSharp.torch;

namespace Skipwise.Distributed;

/// <summary>Joins the processes of a job.</summary>
public static class Collectives
{
    /// <summary>Joins the other processes that the launcher started, and gives each a GPU unless the CPU computes.</summary>
    /// <param name="launcher">that of this process (<see cref="Launcher.Detect()"/>)</param>
    /// <param name="compute">the device asked for; none takes a GPU if libtorch finds any</param>
    /// <returns>the ranks, to be disposed when all work is done, and the options with this rank's device</returns>
    /// <exception cref="SkipwiseException">the processes cannot be joined, more ranks than GPUs, or some ranks without one</exception>
    public static (ICollective Ranks, ComputeOptions Compute) Join(Launcher launcher, ComputeOptions compute) =>
        Join(launcher, compute, static _ => { });

    /// <summary>The same for a caller that ends the job if a later step fails.</summary>
    /// <param name="whenJoined">receives the ranks before the GPUs are checked</param>
    internal static (ICollective Ranks, ComputeOptions Compute) Join(
        Launcher launcher, ComputeOptions compute, Action<ICollective> whenJoined)
    {
        bool wantsGpu = compute.Device != "cpu" && cuda.is_available();
        if (launcher is { Kind: LauncherKind.Torchrun, StartsSeveral: true } && wantsGpu)
        {
            return OnGpu(NcclCollective.Join(launcher), compute);
        }
        ICollective ranks = Join(launcher);
        whenJoined(ranks);
        if (ranks.Size == 1)
        {
            return (ranks, compute);
        }
        IReadOnlyList<bool> all = ranks.AllGather(wantsGpu);
        if (all.Distinct().Count() > 1)
        {
            throw new SkipwiseException(
                $"rank {all.Index().First(rank => !rank.Item).Index} finds no GPU, and others do. Let all ranks see one, or compute on " +
                $"the CPU: {OptionName.Of(nameof(ComputeOptions.Device))} cpu.");
        }
        return wantsGpu ? OnGpu(NcclCollective.Join(ranks), compute) : (ranks, compute);
    }

    /// <summary>Joins the other processes that the launcher started, which compute on the CPU.</summary>
    /// <param name="launcher">that of this process (<see cref="Launcher.Detect()"/>)</param>
    /// <returns>to be disposed when all work is done; one process needs, and loads, no library</returns>
    /// <exception cref="SkipwiseException">the processes cannot be joined: no MPI library, or not that of the launcher</exception>
    public static ICollective Join(Launcher launcher) => launcher switch
    {
        { Kind: LauncherKind.Torchrun, StartsSeveral: true } => throw NcclCollective.NeedsGpu(launcher),
        { StartsSeveral: true } => MpiCollective.Join(launcher),
        { Kind: LauncherKind.None } when IsMpiNamed =>
            MpiCollective.Join(launcher with { Rank = null, Size = null, LocalRank = null }),
        _ => SingleProcess.Instance,
    };

    private static (ICollective, ComputeOptions) OnGpu(NcclCollective ranks, ComputeOptions compute) =>
        compute.Device is null or "cuda"
            ? (ranks, compute with { Device = ranks.Device.ToString() })
            : throw new SkipwiseException(
                $"{OptionName.Of(nameof(ComputeOptions.Device))} {compute.Device} names one GPU for {ranks.Size} ranks: each takes its " +
                "own. Leave the number out.");

    /// <summary>The user names an MPI library, which then tells the number of processes.</summary>
    private static bool IsMpiNamed => !string.IsNullOrEmpty(Environment.GetEnvironmentVariable(MpiLibraries.PathVariable));
}
