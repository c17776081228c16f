using System.Runtime.Intrinsics.X86;

namespace Skipwise.Runtime;

/// <summary>
/// Makes MKL, libtorch's matrix library, use its AVX-512 kernels on processors of other makers. MKL checks the maker before the instruction
/// set: others than Intel's get kernels of 256-bit instructions, even with AVX-512. On an AMD EPYC (Zen 5) that is less than half of the
/// speed. Here the maker check returns true, as a preloaded library with that one function would; MKL still detects the instruction set
/// itself.
/// </summary>
internal static class MklCpuDispatch
{
    private const string Question = "mkl_serv_intel_cpu_true";

    /// <summary>Applies the patch; to be called after libtorch is loaded and before its first product: MKL checks once.</summary>
    public static (NativePatchState State, string Reason) ForceAvx512()
    {
        if (!(Avx512F.IsSupported && Avx512BW.IsSupported && Avx512DQ.IsSupported && Avx512F.VL.IsSupported))
        {
            return (NativePatchState.NotApplicable, "this processor has no AVX-512");
        }
        if (!LoadedLibtorch.TryFind("libtorch_cpu.so", Question, out nint question))
        {
            return (NativePatchState.NotApplicable, $"libtorch has no {Question}: it multiplies by another library");
        }
        return IsKnown(MachineCode.At(question, MachineCode.JumpLength))
            ? MachineCode.Redirect(question, MachineCode.AllocateExecutable([0xB8, 1, 0, 0, 0, 0xC3])) // mov eax, 1; ret
            : (NativePatchState.NotApplicable, $"{Question} differs from the known build");
    }

    /// <summary>
    /// Whether a function begins with the known code: mov eax, [the answer]; test eax, eax; js over; ret; push rbx. The address of the
    /// answer differs among builds of libtorch.
    /// </summary>
    private static bool IsKnown(ReadOnlySpan<byte> code) => code is [0x8B, 0x05, _, _, _, _, 0x85, 0xC0, 0x78, 0x01, 0xC3, 0x53];
}
