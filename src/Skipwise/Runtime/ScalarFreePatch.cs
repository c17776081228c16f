using System.Runtime.InteropServices;

namespace Skipwise.Runtime;

/// <summary>
/// TorchSharp passes a Scalar's native handle without keeping the Scalar alive; its finalizer can free it during the call (use-after-free,
/// observed as an error or as another number). This patch postpones each delete until many more Scalars have been freed: long after the
/// call that used it.
/// </summary>
internal static unsafe class ScalarFreePatch
{
    /// <summary>deletes that wait, 32 bytes of libtorch's memory each</summary>
    internal const int PendingFrees = 1 << 16;

    private const string Dispose = "THSTorch_dispose_scalar";

    private static readonly nint[] s_waiting = new nint[PendingFrees];
    private static int s_next;
    private static delegate* unmanaged<nint, void> s_free;

    // First bytes of the function: tests for null, and for a symbolic value, which holds a reference.
    private static ReadOnlySpan<byte> IsNull =>
    [
        0x48, 0x85, 0xFF, // test rdi, rdi
        0x74, 0x2D, // je to its end
    ];

    private static ReadOnlySpan<byte> IsSymbolic =>
    [
        0x8B, 0x07, // mov eax, [rdi]
        0x83, 0xC0, 0xFB, // add eax, -5
        0x83, 0xF8, 0x02, // cmp eax, 2
    ];

    private static ReadOnlySpan<byte> Rest =>
    [
        0x77, 0x19, // ja to the delete
        0x48, 0x8B, 0x47, 0x10, // mov rax, [rdi + 16]
    ];

    /// <summary>Redirects the function that frees a Scalar. The original code runs when the delete is due.</summary>
    /// <param name="wrapper">TorchSharp's native library, loaded</param>
    public static (NativePatchState State, string Reason) DelayFrees(nint wrapper)
    {
        if (!NativeLibrary.TryGetExport(wrapper, Dispose, out nint dispose)
            || !MachineCode.At(dispose, IsNull.Length + IsSymbolic.Length + Rest.Length).SequenceEqual([.. IsNull, .. IsSymbolic, .. Rest]))
        {
            return (NativePatchState.NotApplicable, $"{Dispose} differs from the known build");
        }
        // A copy of the function, without its null test and with relative jumps to the original. The jump keeps the flags, and the code
        // overwrites rax.
        nint free = MachineCode.AllocateExecutable([.. IsSymbolic, .. MachineCode.Jump(dispose + IsNull.Length + IsSymbolic.Length)]);
        if (free == 0)
        {
            return (NativePatchState.NotApplicable, "the kernel refuses new machine code");
        }
        s_free = (delegate* unmanaged<nint, void>)free;
        delegate* unmanaged<nint, void> release = &Release;
        return MachineCode.Redirect(dispose, (nint)release);
    }

    [UnmanagedCallersOnly]
    private static void Release(nint scalar)
    {
        uint place = (uint)Interlocked.Increment(ref s_next) % PendingFrees;
        nint oldest = Interlocked.Exchange(ref s_waiting[place], scalar);
        if (oldest != 0)
        {
            s_free(oldest);
        }
    }
}
