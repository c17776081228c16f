using System.Runtime.InteropServices;

namespace Skipwise.Runtime;

/// <summary>
/// TorchSharp passes a Scalar's native handle without keeping the Scalar alive: the collector may finalize the Scalar, and free the number,
/// while libtorch is still about to read it. On busy cores that happened, as an error or, worse, as another number. Here each free waits
/// until many more numbers have been freed: long after the call that used it.
/// </summary>
internal static unsafe class ScalarFreePatch
{
    /// <summary>numbers that wait; 32 bytes each, of libtorch's</summary>
    internal const int PendingFrees = 1 << 16;

    private const string Dispose = "THSTorch_dispose_scalar";

    private static readonly nint[] s_waiting = new nint[PendingFrees];
    private static int s_next;
    private static delegate* unmanaged<nint, void> s_free;

    // What the function begins with: whether there is a number at all, and whether it is a symbolic one, which holds a reference.
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

    /// <summary>Redirects the function that frees a number. What it did, it does when the number's time has come.</summary>
    /// <param name="wrapper">TorchSharp's native library, loaded</param>
    public static (NativePatchState State, string Reason) DelayFrees(nint wrapper)
    {
        if (!NativeLibrary.TryGetExport(wrapper, Dispose, out nint dispose)
            || !MachineCode.At(dispose, IsNull.Length + IsSymbolic.Length + Rest.Length).SequenceEqual([.. IsNull, .. IsSymbolic, .. Rest]))
        {
            return (NativePatchState.NotApplicable, $"{Dispose} begins otherwise than in the known build");
        }
        // The function itself, elsewhere: without the question for null, and with the rest where it was. The jump leaves the comparison's
        // flags alone, and what it leaves in rax is overwritten.
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
