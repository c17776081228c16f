using System.Runtime.InteropServices;

namespace Skipwise.Runtime;

/// <summary>
/// Asks the kernel to back memory with pages of 2 MB, so that filling it takes one page fault where it would take 512. Advice only: where
/// the kernel has no such pages, nothing changes.
/// </summary>
public static class HugePages
{
    private const nint Size = 2 << 20;
    private const int Advice = 14; // MADV_HUGEPAGE

    /// <summary>For the whole pages inside the memory.</summary>
    public static unsafe void Advise(void* memory, long bytes)
    {
        nint start = ((nint)memory + Size - 1) & ~(Size - 1), end = ((nint)memory + (nint)bytes) & ~(Size - 1);
        if (OperatingSystem.IsLinux() && end > start)
        {
            _ = madvise(start, (nuint)(end - start), Advice);
        }
    }

    [DllImport("libc")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int madvise(nint address, nuint length, int advice);
}
