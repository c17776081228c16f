using System.Runtime.InteropServices;

namespace Skipwise;

/// <summary>Memory that ran out, and for what.</summary>
internal static class OutOfMemory
{
    /// <summary>Whether the error says so: .NET's own, or that of libtorch's allocator.</summary>
    public static bool IsSaidBy(Exception error) =>
        error is OutOfMemoryException || (error is ExternalException && IsAllocation(error.Message));

    /// <summary>Runs what reads a file or computes with it; memory that runs out then becomes an error that names the file.</summary>
    /// <param name="file">or folder</param>
    /// <exception cref="SkipwiseException">the file needs more memory than there is</exception>
    public static T Naming<T>(string file, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception e) when (IsSaidBy(e))
        {
            string words = e.Message.Split('\n')[0].Trim().TrimEnd('.');
            throw new SkipwiseException($"{file}: out of memory for it: {words}. Use a smaller one, or close other programs", e);
        }
    }

    private static bool IsAllocation(string message) =>
        message.Contains("allocate memory", StringComparison.OrdinalIgnoreCase)
            || message.Contains("out of memory", StringComparison.OrdinalIgnoreCase)
        || message.Contains("bad_alloc", StringComparison.Ordinal);
}
