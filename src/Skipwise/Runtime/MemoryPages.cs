using System.Runtime.InteropServices;

namespace Skipwise.Runtime;

/// <summary>
/// Memory that is touched for the first time faults: the kernel finds or clears one page of 4 kB and comes back for the next. Filling a large
/// new tensor spends most of its time so. Both cures are wishes: where the system cannot grant them, pages fault as before.
/// </summary>
internal static unsafe class MemoryPages
{
    private const nint HugePage = 2 << 20;

    /// <summary>Asks for pages of 2 MB behind memory that is about to be filled.</summary>
    public static void PreferHuge(void* memory, long bytes)
    {
        if (bytes >= HugePage)
        {
            const int hugePage = 14;
            _ = Advise(memory, bytes, hugePage);
        }
    }

    /// <summary>Reads the pages of a mapped file now, in one call.</summary>
    /// <returns>false if a page cannot be had: the file has become too short, or the disk fails</returns>
    public static bool Populate(void* memory, long bytes)
    {
        const int populateRead = 22, unreadable = 14; // since Linux 5.14; EFAULT stands for the SIGBUS that touching the page would raise
        return Advise(memory, bytes, populateRead) != unreadable;
    }

    /// <returns>0, or the error</returns>
    private static int Advise(void* memory, long bytes, int advice)
    {
        if (!OperatingSystem.IsLinux())
        {
            return 0;
        }
        nint page = Environment.SystemPageSize, start = (nint)memory & -page;
        return madvise(start, (nint)memory + (nint)bytes - start, advice) == 0 ? 0 : Marshal.GetLastPInvokeError();
    }

    [DllImport("libc", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int madvise(nint address, nint length, int advice);
}
