using System.Runtime.InteropServices;

namespace Skipwise.Runtime;

/// <summary>
/// TorchSharp hands a number to libtorch in a temporary box, and reads the box's address before the call: from there on the collector may take
/// the box, and its finalizer free the number, while libtorch is still about to read it. On busy cores that happened, as an error or, worse,
/// as another number. Here a number that is given back waits until many more have been: long after the call that used it.
/// </summary>
internal static unsafe class ScalarFreePatch
{
    /// <summary>numbers that wait; 32 bytes each, of libtorch's</summary>
    internal const int PendingFrees = 1 << 16;

    private static readonly nint[] s_waiting = new nint[PendingFrees];
    private static int s_next;
    private static delegate* unmanaged<nint, void> s_delete;

    // What the function that is redirected begins with: whether there is a number at all, and whether it is a symbolic one.
    private static ReadOnlySpan<byte> Beginning =>
    [
        0x48, 0x85, 0xFF, // test rdi, rdi
        0x74, 0x2D, // je to its end
        0x8B, 0x07, // mov eax, [rdi]
        0x83, 0xC0, 0xFB, // add eax, -5
        0x83, 0xF8, // cmp eax, ...
    ];

    /// <summary>Redirects the wrapper's function that frees a number. Done on x86-64 Linux; elsewhere numbers are freed as before.</summary>
    /// <param name="wrapper">TorchSharp's native library, loaded</param>
    public static void DelayFrees(nint wrapper)
    {
        if (!NativePatch.IsPossible
            || !NativeLibrary.TryGetExport(wrapper, "THSTorch_dispose_scalar", out nint dispose)
            || !new ReadOnlySpan<byte>((void*)dispose, NativePatch.JumpLength).SequenceEqual(Beginning) // another build: leave it alone
            || !NativeLibrary.TryLoad("libstdc++.so.6", out nint standard)
            || !NativeLibrary.TryGetExport(standard, "_ZdlPv", out nint delete)) // operator delete(void*)
        {
            return;
        }
        s_delete = (delegate* unmanaged<nint, void>)delete;
        delegate* unmanaged<nint, void> release = &Release;
        NativePatch.Redirect(dispose, (nint)release);
    }

    [UnmanagedCallersOnly]
    private static void Release(nint scalar)
    {
        uint place = (uint)Interlocked.Increment(ref s_next) % PendingFrees;
        nint oldest = Interlocked.Exchange(ref s_waiting[place], scalar);
        if (oldest != 0)
        {
            s_delete(oldest);
        }
    }
}
