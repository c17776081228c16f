using System.Diagnostics;
using System.Runtime.InteropServices;
using Skipwise.Runtime;

namespace Skipwise.Estimation;

/// <summary>What this process takes of the machine's memory, in bytes.</summary>
internal static class ProcessMemory
{
    /// <summary>What native code has allocated and not freed: tensors, above all. Where the C library does not tell: the resident
    /// size.</summary>
    public static long InUse() => Heap() is { } heap ? (long)(heap.InUse + heap.Mapped) : Resident();

    /// <summary>What the allocator has taken from the kernel, holes included; where the C library does not tell: the resident
    /// size.</summary>
    public static long Reserved() => Heap() is { } heap ? (long)(heap.Arena + heap.Mapped) : Resident();

    public static long Resident()
    {
        using var self = Process.GetCurrentProcess();
        return self.WorkingSet64;
    }

    /// <summary>
    /// How far above what it is now the resident size rises; Linux alone forgets the mark of earlier work. What earlier work has freed goes
    /// back to the kernel first: work that takes it again counts.
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

    /// <summary>Frees what nobody holds any more, down to the kernel.</summary>
    public static void Trim()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        try
        {
            if (OperatingSystem.IsLinux())
            {
                FreedMemory.TrimThread(); // malloc_trim returns the free end of the first thread's heap alone
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
        catch (Exception e) when (e is IOException or UnauthorizedAccessException) { } // the mark of all work until now remains
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

    /// <summary>glibc's struct mallinfo2, of all arenas.</summary>
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
