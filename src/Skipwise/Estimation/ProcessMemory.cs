using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Skipwise.Runtime;

namespace Skipwise.Estimation;

/// <summary>What this process takes of the machine's memory, in bytes.</summary>
internal static class ProcessMemory
{
    private static readonly TimeSpan s_sampling = TimeSpan.FromMilliseconds(0.5);

    /// <summary>What native code has allocated and not freed: tensors, above all. Where the C library does not tell: the resident size.</summary>
    public static long InUse() => Heap() is { } heap ? (long)(heap.InUse + heap.Mapped) : Resident();

    /// <summary>What the allocator has taken from the kernel, holes included; where the C library does not tell: the resident size.</summary>
    public static long Reserved() => Heap() is { } heap ? (long)(heap.Arena + heap.Mapped) : Resident();

    public static long Resident()
    {
        using var self = Process.GetCurrentProcess();
        return self.WorkingSet64;
    }

    /// <summary>
    /// How far above what it is now the resident size rises. On Linux the kernel keeps that mark; elsewhere the size is sampled. What
    /// earlier work has freed goes back to the kernel first: work that takes it again counts.
    /// </summary>
    public static long PeakDuring(Action work)
    {
        Trim();
        long before = Resident();
        if (TryResetPeak())
        {
            work();
            return Math.Max(0, PeakResident() - before);
        }
        return Math.Max(0, SampledPeak(work) - before);
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

    private static bool TryResetPeak()
    {
        try
        {
            File.WriteAllText("/proc/self/clear_refs", "5");
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private static long PeakResident()
    {
        string line = File.ReadLines("/proc/self/status").First(line => line.StartsWith("VmHWM:", StringComparison.Ordinal)); // VmHWM:   12345 kB
        return 1024 * long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[^2], CultureInfo.InvariantCulture);
    }

    private static long SampledPeak(Action work)
    {
        long peak = 0;
        using var done = new ManualResetEventSlim();
        var watcher = new Thread(() =>
        {
            do
            {
                peak = Math.Max(peak, Resident());
            }
            while (!done.Wait(s_sampling));
        });
        watcher.Start();
        try
        {
            work();
        }
        finally
        {
            done.Set();
            watcher.Join();
        }
        return peak;
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
