using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Skipwise.Runtime;

/// <summary>This process's use of the machine's memory, in bytes.</summary>
internal static class ProcessMemory
{
    /// <summary>
    /// Bytes that native code has allocated and not freed: mostly tensors. Without glibc's statistics: the resident set size.
    /// </summary>
    public static long InUse() => Heap() is { } heap ? (long)(heap.InUse + heap.Mapped) : Resident();

    /// <summary>
    /// Bytes that the allocator holds from the kernel, fragmentation included. Without glibc's statistics: the resident set size.
    /// </summary>
    public static long Reserved() => Heap() is { } heap ? (long)(heap.Arena + heap.Mapped) : Resident();

    public static long Resident()
    {
        using var self = Process.GetCurrentProcess();
        return self.WorkingSet64;
    }

    /// <summary>Largest resident set size so far.</summary>
    public static long Peak()
    {
        using var self = Process.GetCurrentProcess();
        return self.PeakWorkingSet64;
    }

    /// <summary>
    /// Peak of the resident set size above the current one. Linux alone can reset the peak of earlier work. Freed memory is first returned
    /// to the kernel, so that work that allocates it again counts.
    /// </summary>
    public static long PeakDuring(Action work)
    {
        Trim();
        long before = Resident();
        ResetPeak();
        work();
        using var self = Process.GetCurrentProcess();
        return Math.Max(0, self.PeakWorkingSet64 - before);
    }

    /// <summary>Frees unreferenced memory and returns it to the kernel.</summary>
    public static void Trim()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        try
        {
            if (OperatingSystem.IsLinux())
            {
                FreedMemory.TrimThread(); // malloc_trim returns the free top of the main arena only
                _ = malloc_trim(0);
            }
        }
        catch (EntryPointNotFoundException) { } // a C library other than glibc
    }

    private static void ResetPeak()
    {
        try
        {
            File.WriteAllText("/proc/self/clear_refs", "5");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException) { } // the peak of all earlier work remains
    }

    private static MallInfo? Heap()
    {
        try
        {
            return OperatingSystem.IsLinux() ? mallinfo2() : null;
        }
        catch (EntryPointNotFoundException)
        {
            return null; // a C library other than glibc, or one before 2.33
        }
    }

    /// <summary>glibc's struct mallinfo2, summed over all arenas.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private readonly struct MallInfo
    {
        public readonly nuint Arena;
        private readonly nuint _freeChunks, _fastChunks, _mappedChunks;
        public readonly nuint Mapped;
        private readonly nuint _unused, _fastBytes;
        public readonly nuint InUse;
        private readonly nuint _free, _releasable;
    }

    [DllImport("libc")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern MallInfo mallinfo2();

    [DllImport("libc")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int malloc_trim(nuint pad);
}
