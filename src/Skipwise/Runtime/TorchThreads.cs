using TorchSharp;

namespace Skipwise.Runtime;

/// <summary>How many cores libtorch computes on; it takes all unless told otherwise.</summary>
public static class TorchThreads
{
    /// <summary>For the whole process, from now on.</summary>
    /// <exception cref="SkipwiseException">fewer than one</exception>
    public static void Use(int count)
    {
        if (count < 1)
        {
            throw new SkipwiseException($"--threads {count}: at least 1 is needed. Leave it out to use all {Environment.ProcessorCount} cores.");
        }
        torch.set_num_threads(count);
    }
}
