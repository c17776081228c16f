using System.Runtime.InteropServices;

namespace Skipwise.Runtime;

/// <summary>Machine code that is put over, or beside, a loaded library's own: x86-64 Linux alone.</summary>
internal static unsafe class NativePatch
{
    /// <summary>bytes that <see cref="Redirect"/> overwrites</summary>
    public const int JumpLength = 12;

    private const int Read = 1, Write = 2, Execute = 4;

    public static bool IsPossible => OperatingSystem.IsLinux() && RuntimeInformation.ProcessArchitecture == Architecture.X64;

    /// <summary>mov rax, target; jmp rax. At a function's entry rax holds nothing that counts.</summary>
    public static byte[] Jump(nint target) => [0x48, 0xB8, .. BitConverter.GetBytes(target), 0xFF, 0xE0];

    /// <summary>From here on <paramref name="function"/> is <paramref name="target"/>. A hardened kernel may refuse: then it stays as it was.</summary>
    public static void Redirect(nint function, nint target)
    {
        nint page = function & ~(nint)(Environment.SystemPageSize - 1), length = function + JumpLength - page;
        if (mprotect(page, length, Read | Write | Execute) == 0)
        {
            Jump(target).CopyTo(new Span<byte>((void*)function, JumpLength));
            _ = mprotect(page, length, Read | Execute);
        }
    }

    /// <summary>Places a function into memory of its own, for the life of the process.</summary>
    /// <returns>its address; 0 where the kernel refuses</returns>
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
