namespace Skipwise.Runtime;

/// <summary>
/// Changes that <see cref="TorchRuntime.Initialize"/> makes in the process besides loading libtorch: none, unless a property asks for it.
/// Every change lasts until the process ends. The environment variable <c>SKIPWISE_NATIVE_PATCHES=off</c> switches off all but
/// <see cref="LoadOnOlderSystems"/>. All are for Linux; patches of machine code are for x86-64.
/// </summary>
public sealed record TorchRuntimeOptions
{
    /// <summary>All changes, as in the command-line tool: for a process that only computes with Skipwise.</summary>
    public static TorchRuntimeOptions All { get; } = new()
    {
        KeepFreedMemory = true,
        PassiveOpenMpWait = true,
        DeprioritizeCudnnAttention = true,
        DisableScriptFusion = true,
        ForceMklAvx512 = true,
        AllocateTensorsByMalloc = true,
        DelayScalarFrees = true,
    };

    /// <summary>
    /// Loads TorchSharp's native library from a patched copy in memory if the system's C++ library lacks symbol version GLIBCXX_3.4.32
    /// (Debian 12, Ubuntu 22.04): see <see cref="NativeImage"/>. It changes that copy alone, so it is on by default; without it libtorch
    /// does not start on those systems.
    /// </summary>
    public bool LoadOnOlderSystems { get; init; } = true;

    /// <summary>
    /// glibc's malloc keeps freed memory instead of returning it to the kernel (<c>mallopt</c>): see <see cref="FreedMemory"/>. Allocation
    /// of large tensors is up to four times as fast; the process keeps its peak size.
    /// </summary>
    public bool KeepFreedMemory { get; init; }

    /// <summary>
    /// Sets <c>OMP_WAIT_POLICY=PASSIVE</c>, unless the environment has a value: waiting OpenMP threads sleep instead of spinning on cores
    /// that others need. OpenMP reads it when libtorch is loaded.
    /// </summary>
    public bool PassiveOpenMpWait { get; init; }

    /// <summary>
    /// Sets <c>TORCH_CUDNN_SDPA_DEPRIORITIZED=1</c>, unless the environment has a value. cuDNN's attention, which libtorch prefers on newer
    /// GPUs, plans anew for every number of keys: tens of milliseconds per generated token. libtorch's own kernels need no plan.
    /// </summary>
    public bool DeprioritizeCudnnAttention { get; init; }

    /// <summary>
    /// Switches off libtorch's TorchScript compiler for GPUs, which would specialize to tensor shapes in the middle of a training.
    /// </summary>
    public bool DisableScriptFusion { get; init; }

    /// <summary>
    /// Overwrites MKL's check for processors made by Intel, so that others get its AVX-512 kernels too: see <see cref="MklCpuDispatch"/>.
    /// Matrix products on AMD Zen 5 are 2.2 times as fast.
    /// </summary>
    public bool ForceMklAvx512 { get; init; }

    /// <summary>
    /// Replaces libtorch's CPU allocator by glibc's malloc: see <see cref="TensorAllocatorPatch"/>. Tensors are then aligned to 16 bytes
    /// instead of 64, and the heap of a training has half the size.
    /// </summary>
    public bool AllocateTensorsByMalloc { get; init; }

    /// <summary>
    /// Overwrites the function of TorchSharp's native library that frees Scalars: see <see cref="ScalarFreePatch"/>. It works around a
    /// use-after-free in TorchSharp 0.107.
    /// </summary>
    public bool DelayScalarFrees { get; init; }
}
