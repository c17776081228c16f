using System.Runtime.InteropServices;

namespace Skipwise.Runtime;

/// <summary>
/// libtorch asks glibc for memory aligned to 64 bytes. glibc serves aligned requests from larger holes and splits off the rest, so a freed
/// 64-byte-aligned block cannot hold the next block of the same size; the heap grows to twice what is live. A plain malloc fits. It aligns
/// to 16 bytes, which is all that libtorch relies on (a view may begin anywhere).
/// </summary>
internal static class TensorAllocatorPatch
{
    private const string Allocator = "_ZN3c109alloc_cpuEm"; // void* c10::alloc_cpu(size_t), paired with free()

    // First bytes of the allocator: position-independent, so that they can run elsewhere.
    private static ReadOnlySpan<byte> Beginning =>
    [
        0xF3, 0x0F, 0x1E, 0xFA, // endbr64
        0x41, 0x57, 0x41, 0x56, 0x41, 0x55, 0x41, 0x54, // push r15, r14, r13, r12
    ];

    /// <summary>Makes malloc serve libtorch, which has been loaded; if malloc fails, libtorch's own function reports the error.</summary>
    public static (NativePatchState State, string Reason) UseMalloc()
    {
        if (!LoadedLibtorch.TryFind("libc10.so", Allocator, out nint allocate)
            || !MachineCode.At(allocate, MachineCode.JumpLength).SequenceEqual(Beginning))
        {
            return (NativePatchState.NotApplicable, "c10::alloc_cpu differs from the known build");
        }
        if (!NativeLibrary.TryLoad("libc.so.6", out nint library) || !NativeLibrary.TryGetExport(library, "malloc", out nint malloc))
        {
            return (NativePatchState.NotApplicable, "this C library is not glibc");
        }
        return MachineCode.Redirect(allocate, MachineCode.AllocateExecutable(
        [
            0x57, // push rdi: the size
            0x48, 0xB8, .. BitConverter.GetBytes(malloc), // mov rax, malloc
            0xFF, 0xD0, // call rax
            0x5F, // pop rdi
            0x48, 0x85, 0xC0, // test rax, rax
            0x74, 0x01, // jz over the next
            0xC3, // ret
            .. Beginning, .. MachineCode.Jump(allocate + MachineCode.JumpLength),
        ]));
    }
}
