using System.Runtime.Intrinsics.X86;

namespace Skipwise.Runtime;

/// <summary>
/// MKL, which multiplies libtorch's matrices, asks who made the processor before it asks what the processor can do: those that Intel did
/// not make get kernels of 256-bit instructions, also where they have AVX-512. On an AMD EPYC (Zen 5) that is less than half of its speed.
/// Here MKL's question is answered with yes, as a library preloaded with that one function does; what the processor can do, MKL still
/// finds out by itself.
/// </summary>
internal static class MklCpuDispatch
{
    private const string Question = "mkl_serv_intel_cpu_true";

    /// <summary>To be called when libtorch has been loaded and before it multiplies: MKL asks once.</summary>
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
            : (NativePatchState.NotApplicable, $"{Question} begins otherwise than in the known build");
    }

    /// <summary>
    /// Whether a function begins as the known one: mov eax, [the answer]; test eax, eax; js over; ret; push rbx. Where the answer lies
    /// differs among builds of libtorch.
    /// </summary>
    private static bool IsKnown(ReadOnlySpan<byte> code) => code is [0x8B, 0x05, _, _, _, _, 0x85, 0xC0, 0x78, 0x01, 0xC3, 0x53];
}
