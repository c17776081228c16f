using System.Runtime.InteropServices;

namespace Skipwise.Storage;

/// <summary>
/// Advises Linux (madvise) about memory before it is used. Each missing page costs a page fault, of which a model has hundreds of
/// thousands. Does nothing on other systems or if the system refuses.
/// </summary>
internal static unsafe class MemoryPages
{
    private const int HugePage = 14, PopulateRead = 22, PopulateWrite = 23; // MADV_*; populate since Linux 5.14

    /// <summary>bytes of a huge page</summary>
    public const int HugePageSize = 1 << 21;

    /// <summary>Requests huge pages for memory that has no pages yet.</summary>
    public static void AdviseHugePages(byte* memory, long bytes) => Inner(memory, bytes, HugePageSize, HugePage);

    /// <summary>Populates pages that are about to be written.</summary>
    public static void PopulateForWrite(byte* memory, long bytes) => Inner(memory, bytes, Environment.SystemPageSize, PopulateWrite);

    /// <summary>Populates a file's pages. Fails with an error instead of a signal that ends the process.</summary>
    /// <returns>false if a page cannot be read</returns>
    public static bool TryPopulateForRead(byte* memory, long bytes)
    {
        const int badAddress = 14; // EFAULT; older kernels refuse with another error
        nint start = (nint)memory & -Environment.SystemPageSize;
        return !OperatingSystem.IsLinux() || madvise(start, (nint)memory + (nint)bytes - start, PopulateRead) == 0
            || Marshal.GetLastPInvokeError() != badAddress;
    }

    /// <summary>Applies the advice to all pages that are completely inside the memory.</summary>
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
