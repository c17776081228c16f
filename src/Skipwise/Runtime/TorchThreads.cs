using TorchSharp;

namespace Skipwise.Runtime;

/// <summary>How many cores libtorch computes on; it takes all unless told otherwise.</summary>
internal static class TorchThreads
{
    private const int Most = 4096;

    /// <summary>For the whole process, from now on.</summary>
    /// <exception cref="SkipwiseException">fewer than one, or more than any machine has</exception>
    public static void SetCount(int count)
    {
        if (count is < 1 or > Most)
        {
            throw new SkipwiseException(
                $"--threads {count}: from 1 to {Most} are possible. Leave it out to use all {Environment.ProcessorCount} cores.");
        }
        torch.set_num_threads(count);
    }
}
