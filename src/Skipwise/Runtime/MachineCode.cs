using System.Runtime.InteropServices;

namespace Skipwise.Runtime;

/// <summary>Machine code that overwrites or extends that of a loaded library: x86-64 Linux only.</summary>
internal static unsafe class MachineCode
{
    /// <summary>bytes that <see cref="Redirect"/> overwrites</summary>
    public const int JumpLength = 12;

    private const int Read = 1, Write = 2, Execute = 4;

    public static bool IsPatchable => OperatingSystem.IsLinux() && RuntimeInformation.ProcessArchitecture == Architecture.X64;

    /// <summary>mov rax, target; jmp rax. Flags are kept; at a function's entry rax is free.</summary>
    public static byte[] Jump(nint target) => [0x48, 0xB8, .. BitConverter.GetBytes(target), 0xFF, 0xE0];

    /// <summary>The first bytes of a function.</summary>
    public static ReadOnlySpan<byte> At(nint function, int count) => new((void*)function, count);

    /// <summary>
    /// Overwrites the first <see cref="JumpLength"/> bytes of a function by a jump to <paramref name="target"/>. No thread may run the
    /// function meanwhile, and the caller has compared its bytes.
    /// </summary>
    public static (NativePatchState State, string Reason) Redirect(nint function, nint target)
    {
        nint page = function & ~(nint)(Environment.SystemPageSize - 1), length = function + JumpLength - page;
        if (target == 0 || mprotect(page, length, Read | Write | Execute) != 0)
        {
            return (NativePatchState.NotApplicable, "the kernel refuses changes of machine code");
        }
        Jump(target).CopyTo(new Span<byte>((void*)function, JumpLength));
        _ = mprotect(page, length, Read | Execute);
        return (NativePatchState.On, "the function is redirected");
    }

    /// <summary>Copies a function into executable memory, for the life of the process.</summary>
    /// <returns>its address; 0 if the kernel refuses</returns>
    public static nint AllocateExecutable(ReadOnlySpan<byte> code)
    {
        nint length = Environment.SystemPageSize;
        var place = (nint)NativeMemory.AlignedAlloc((nuint)length, (nuint)length);
        code.CopyTo(new Span<byte>((void*)place, code.Length));
        return mprotect(place, length, Read | Execute) == 0 ? place : 0;
    }

    [DllImport("libc")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int mprotect(nint address, nint length, int protection);
}
