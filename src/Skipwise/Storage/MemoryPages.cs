using System.Runtime.InteropServices;

namespace Skipwise.Storage;

/// <summary>
/// What Linux may know before memory is used. A page that is missing when it is touched costs an interruption of its own, of which a model
/// has hundreds of thousands. Elsewhere, and where the system says no, nothing happens.
/// </summary>
internal static unsafe class MemoryPages
{
    private const int HugePage = 14, PopulateRead = 22, PopulateWrite = 23; // MADV_*; populating is of Linux 5.14

    /// <summary>bytes of a large page, which is had at once</summary>
    public const int HugePageSize = 1 << 21;

    /// <summary>Asks for large pages where the memory has none yet.</summary>
    public static void AdviseHugePages(byte* memory, long bytes) => Inner(memory, bytes, HugePageSize, HugePage);

    /// <summary>Has all pages in place that are about to be written.</summary>
    public static void PopulateForWrite(byte* memory, long bytes) => Inner(memory, bytes, Environment.SystemPageSize, PopulateWrite);

    /// <summary>Has a file's pages in place, with an error instead of a signal that ends the process.</summary>
    /// <returns>false if a page cannot be had</returns>
    public static bool TryPopulateForRead(byte* memory, long bytes)
    {
        const int badAddress = 14; // EFAULT; older kernels refuse with another error
        nint start = (nint)memory & -Environment.SystemPageSize;
        return !OperatingSystem.IsLinux() || madvise(start, (nint)memory + (nint)bytes - start, PopulateRead) == 0
            || Marshal.GetLastPInvokeError() != badAddress;
    }

    /// <summary>The pages that lie inside, whole.</summary>
    private static void Inner(byte* memory, long bytes, int page, int advice)
    {
        nint start = ((nint)memory + page - 1) & -page, end = ((nint)memory + (nint)bytes) & -page;
        if (OperatingSystem.IsLinux() && start < end)
        {
            _ = madvise(start, end - start, advice);
        }
    }

    [DllImport("libc", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int madvise(nint address, nint length, int advice);
}
