using System.Runtime.InteropServices;

namespace Skipwise.Runtime;

/// <summary>
/// glibc returns every large tensor to the kernel and faults it in again, page by page. Kept in the heap instead, a cross entropy over
/// 8192 classes runs four times faster. Cost: the heap keeps its peak size.
/// </summary>
internal static class FreedMemory
{
    // mallopt's names for: how much free memory a heap may end with, how much it takes beyond what is asked for, and how many
    // allocations are mappings of their own
    private const int TrimThreshold = -1, TopPad = -2, MmapMax = -4;

    /// <summary>Whether malloc keeps freed memory in this process.</summary>
    public static bool IsKept { get; private set; }

    /// <summary>Lets malloc keep it, from now on.</summary>
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
    /// Returns the free end of this thread's heap to the kernel, even where freed memory is kept: a heap other than the first shrinks when
    /// a large piece is freed, if the threshold lets it.
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
