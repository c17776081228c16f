using Skipwise.Runtime;

namespace Skipwise.Distributed.Nccl;

/// <summary>The GPUs that a rank sees.</summary>
/// <param name="Host">name of its host</param>
/// <param name="Ids">unique ids, by the number that libtorch gives them in this process</param>
internal sealed record VisibleGpus(string Host, string[] Ids)
{
    /// <summary>
    /// The GPU of a rank: the first that it sees and that no lower rank has. Where the ranks of a host see the same GPUs, that is the
    /// one of its local rank. Where the launcher shows each rank a GPU of its own, as srun can, it is the first.
    /// </summary>
    /// <param name="all">by rank</param>
    /// <returns>number of the device</returns>
    /// <exception cref="SkipwiseException">there are more ranks than GPUs on some host; all ranks find the same</exception>
    public static int OfRank(int rank, IReadOnlyList<VisibleGpus> all)
    {
        var taken = new HashSet<string>();
        int[] devices = [.. all.Select(gpus => Array.FindIndex(gpus.Ids, taken.Add))];
        return Array.IndexOf(devices, -1) is >= 0 and var lacking ? throw Shortage(all[lacking].Host, all) : devices[rank];
    }

    private static SkipwiseException Shortage(string host, IReadOnlyList<VisibleGpus> all)
    {
        VisibleGpus[] here = [.. all.Where(gpus => gpus.Host == host)];
        int gpus = here.SelectMany(rank => rank.Ids).Distinct().Count();
        return new SkipwiseException(
            $"{here.Length} ranks on {host} see {gpus} GPUs, and NCCL needs one for each. Start "
            + (gpus > 0 ? $"at most {gpus} ranks there, make more GPUs visible (CUDA_VISIBLE_DEVICES), " : "fewer ranks there, ")
            + $"or compute on the CPU ({OptionName.Of(nameof(ComputeOptions.Device))} cpu).");
    }
}
