using TorchSharp;

namespace Skipwise.Runtime;

/// <summary>Number of libtorch's threads; by default one per core.</summary>
internal static class TorchThreads
{
    private const int Most = 4096;

    /// <summary>Number of threads.</summary>
    public static int Count => torch.get_num_threads();

    /// <summary>Whether the environment sets the number.</summary>
    public static bool AreGiven =>
        ((string[])["OMP_NUM_THREADS", "MKL_NUM_THREADS"]).Any(name => !string.IsNullOrEmpty(Environment.GetEnvironmentVariable(name)));

    /// <summary>Sets the number for the whole process, from now on.</summary>
    /// <param name="count">number of threads</param>
    /// <param name="option">what the caller's user calls the number</param>
    /// <exception cref="SkipwiseException">fewer than one, or more than supported</exception>
    public static void SetCount(int count, string option = "threads")
    {
        if (count is < 1 or > Most)
        {
            throw new SkipwiseException(
                $"{option} {count}: from 1 to {Most} are possible. Leave it out to use all {Environment.ProcessorCount} cores.");
        }
        torch.set_num_threads(count);
    }
}
