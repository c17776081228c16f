using System.Runtime.InteropServices;

namespace Skipwise.Runtime;

/// <summary>
/// Makes glibc keep freed memory. By default glibc returns every large tensor to the kernel, and the next one is faulted in again page by
/// page: a cross entropy over 8192 classes takes four times as long. Cost: the heap keeps its peak size.
/// </summary>
internal static class FreedMemory
{
    // mallopt's parameters M_TRIM_THRESHOLD, M_TOP_PAD and M_MMAP_MAX
    private const int TrimThreshold = -1, TopPad = -2, MmapMax = -4;

    /// <summary>Whether malloc keeps freed memory in this process.</summary>
    public static bool IsKept { get; private set; }

    /// <summary>Makes malloc keep freed memory from now on.</summary>
    public static (NativePatchState State, string Reason) Keep()
    {
        try
        {
            _ = mallopt(MmapMax, 0);
            _ = mallopt(TrimThreshold, -1);
            _ = mallopt(TopPad, 64 << 20);
        }
        catch (EntryPointNotFoundException)
        {
            return (NativePatchState.NotApplicable, "this C library has no mallopt");
        }
        IsKept = true;
        return (NativePatchState.On, "mallopt: no mappings, no trimming");
    }

    /// <summary>
    /// Returns the free top of this thread's arena to the kernel, even if freed memory is kept: an arena other than the main one shrinks
    /// when a large block is freed, if the threshold allows it.
    /// </summary>
    public static unsafe void TrimThread()
    {
        if (IsKept)
        {
            const nuint large = 1 << 17;
            _ = mallopt(TrimThreshold, 0);
            _ = mallopt(TopPad, 0);
            NativeMemory.Free(NativeMemory.Alloc(large));
            Keep();
        }
    }

    [DllImport("libc")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int mallopt(int parameter, int value);
}
