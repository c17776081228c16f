using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;

namespace Skipwise.Runtime;

/// <summary>
/// MKL, which multiplies libtorch's matrices, asks who made the processor before it asks what the processor can do: those that Intel did not make get kernels of
/// 256-bit instructions, also where they have AVX-512. On an AMD EPYC (Zen 5) that is less than half of its speed. Here MKL's question is answered with yes, as a library
/// preloaded with that one function does; what the processor can do, MKL still finds out by itself. <c>SKIPWISE_MKL=asis</c> leaves it alone.
/// </summary>
internal static unsafe class MklCpuDispatch
{
    private const string Question = "mkl_serv_intel_cpu_true";

    /// <summary>To be called when libtorch has been loaded and before it multiplies: MKL asks once.</summary>
    public static void ForceAvx512()
    {
        if (!NativePatch.IsPossible
            || !(Avx512F.IsSupported && Avx512BW.IsSupported && Avx512DQ.IsSupported && Avx512F.VL.IsSupported)
            || Environment.GetEnvironmentVariable("SKIPWISE_MKL") == "asis"
            || !NativeLibrary.TryLoad("libtorch_cpu.so", out nint torch)
            || !NativeLibrary.TryGetExport(torch, Question, out nint question)
            || !IsKnown(new ReadOnlySpan<byte>((void*)question, NativePatch.JumpLength)))
        {
            return;
        }
        nint yes = NativePatch.AllocateExecutable([0xB8, 1, 0, 0, 0, 0xC3]); // mov eax, 1; ret
        if (yes != 0)
        {
            NativePatch.Redirect(question, yes);
        }
    }

    /// <summary>Whether a function begins as the one that was tried: mov eax, [the answer, if it is known]; test eax, eax; js over; ret.</summary>
    private static bool IsKnown(ReadOnlySpan<byte> code) => code is [0x8B, 0x05, _, _, _, _, 0x85, 0xC0, 0x78, 0x01, 0xC3, ..];
}
