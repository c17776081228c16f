using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Skipwise.Runtime;

/// <summary>
/// Makes libtorch start on every supported machine before TorchSharp first touches it:
/// allocator and thread settings, the libtorch of an existing PyTorch (<c>SKIPWISE_LIBTORCH</c>), and the cure for
/// older C++ libraries (see <see cref="NativeImage"/>), for a heap that grows (<see cref="TensorAllocatorPatch"/>), for kernels that are not chosen (<see cref="MklCpuDispatch"/>), and for numbers that are freed too early (<see cref="ScalarFreePatch"/>). Runs once, when TorchSharp is loaded: code that computes nothing does not wait for libtorch.
/// </summary>
public static class TorchRuntime
{
    /// <summary>The libtorch release that this TorchSharp was built for; its C++ interface changes with every minor version.</summary>
    public const string RequiredLibtorch = "2.10";

    private const ulong RequiredAbi = 2UL << 56 | 10UL << 48;
    private static readonly Lazy<bool> s_booted = new(Load);

    [ModuleInitializer]
    [System.Diagnostics.CodeAnalysis.SuppressMessage("Usage", "CA2255", Justification = "libtorch must be prepared before TorchSharp's first type initialiser runs")]
    internal static void Initialize()
    {
        AppDomain.CurrentDomain.AssemblyLoad += (_, loaded) => PrepareFor(loaded.LoadedAssembly);
        foreach (Assembly assembly in AppDomain.CurrentDomain.GetAssemblies())
        {
            PrepareFor(assembly);
        }
    }

    private static void PrepareFor(Assembly assembly)
    {
        if (assembly.GetName().Name != nameof(TorchSharp))
        {
            return;
        }
        // An event handler must not throw: the error would be wrapped beyond recognition. Ensure() repeats it plainly.
        try { EnsureLoaded(); }
        catch (SkipwiseException) { }
    }

    /// <summary>Idempotent. Throws <see cref="SkipwiseException"/> when the libtorch that was asked for cannot serve.</summary>
    public static void EnsureLoaded() => _ = s_booted.Value;

    private static bool Load()
    {
        if (!OperatingSystem.IsLinux())
        {
            return true; // the packages' own libraries load unaided on Windows and macOS
        }
        KeepFreedMemory();
        // libgomp reads its settings when libtorch loads it. Waiting threads that spin steal the cores they wait for:
        // on shared cores the same step takes half as long again. The user's own setting wins.
        _ = setenv("OMP_WAIT_POLICY", "PASSIVE", 0);
        // On newer GPUs libtorch prefers cuDNN's attention, which makes a plan for every length of the keys: tens of milliseconds for each
        // token that is generated. Its own kernels need none.
        _ = setenv("TORCH_CUDNN_SDPA_DEPRIORITIZED", "1", 0);

        string? own = Environment.GetEnvironmentVariable("SKIPWISE_LIBTORCH");
        string? wrapper = FindPackaged("libLibTorchSharp.so");
        bool isOfRequiredVersion = string.IsNullOrEmpty(own) || LoadOwnLibtorch(own, wrapper);
        if (wrapper is null)
        {
            return true; // TorchSharp's own search takes over (a bundled single file, an unusual host)
        }
        if (string.IsNullOrEmpty(own))
        {
            foreach (string name in (string[])["libc10.so", "libtorch_cpu.so", "libtorch.so"])
            {
                if (FindPackaged(name) is { } path)
                {
                    NativeLibrary.Load(path);
                }
            }
        }
        if (isOfRequiredVersion)
        {
            TensorAllocatorPatch.UseMalloc();
        }
        DisableScriptCompilation();
        MklCpuDispatch.ForceAvx512();
        ScalarFreePatch.DelayFrees(NativeImage.LoadWithWeakSymbol(wrapper));
        return true;
    }

    /// <summary>mallopt's names for: how much free memory a heap may end with, and how much it takes beyond what is asked for.</summary>
    internal const int TrimThreshold = -1, TopPad = -2;

    /// <summary>
    /// glibc returns every large tensor to the kernel and faults it in again, page by page. Kept in the heap instead,
    /// a cross entropy over 8192 classes runs four times faster. Cost: the heap keeps its peak size.
    /// </summary>
    internal static void KeepFreedMemory()
    {
        const int mmapMax = -4;
        try
        {
            _ = mallopt(mmapMax, 0);
            _ = mallopt(TrimThreshold, -1);
            _ = mallopt(TopPad, 64 << 20);
        }
        catch (EntryPointNotFoundException) { } // musl has no mallopt and needs none
    }

    /// <summary>
    /// libtorch compiles scripts for a GPU when they have run a few times: in the middle of a training, for the sizes seen so far. The
    /// scripts here are single operations, or formulas that the tests check as they are written.
    /// </summary>
    private static unsafe void DisableScriptCompilation()
    {
        const string setting = "_ZN5torch3jit25setTensorExprFuserEnabledEb"; // void torch::jit::setTensorExprFuserEnabled(bool)
        if (NativeLibrary.TryLoad("libtorch_cpu.so", out nint torch) && NativeLibrary.TryGetExport(torch, setting, out nint set))
        {
            ((delegate* unmanaged<byte, void>)set)(0);
        }
    }

    /// <returns>whether it is of the version that TorchSharp was built for</returns>
    private static bool LoadOwnLibtorch(string folder, string? wrapper)
    {
        string core = Path.Combine(folder, "libtorch_cpu.so");
        if (!File.Exists(core))
        {
            throw new SkipwiseException(
                $"SKIPWISE_LIBTORCH={folder}: there is no libtorch_cpu.so in it. Give the lib folder of a PyTorch {RequiredLibtorch} install " +
                "(python -c \"import torch, os; print(os.path.join(os.path.dirname(torch.__file__), 'lib'))\"), or unset the variable to use the packaged libtorch.");
        }
        try
        {
            foreach (string name in (string[])["libc10.so", "libtorch_cpu.so"])
            {
                NativeLibrary.Load(Path.Combine(folder, name));
            }
            string? other = OtherVersion(core);
            if (other is not null && Forced is null)
            {
                throw new SkipwiseException(
                    $"SKIPWISE_LIBTORCH={folder} holds {other}; Skipwise needs {RequiredLibtorch}.x, since libtorch's C++ " +
                    $"interface changes between minor versions. Install torch=={RequiredLibtorch}.*, or set SKIPWISE_LIBTORCH_FORCE=1 " +
                    "to try it at your own risk, if it has every function that is called.");
            }
            foreach (string name in (string[])["libc10_cuda.so", "libtorch_cuda.so", "libtorch.so"])
            {
                string path = Path.Combine(folder, name);
                if (File.Exists(path))
                {
                    NativeLibrary.Load(path);
                }
            }
            if (other is not null && Forced == "1" && wrapper is not null)
            {
                RequireSymbols(folder, other, wrapper);
            }
            return other is null;
        }
        catch (Exception e) when (e is DllNotFoundException or BadImageFormatException)
        {
            throw new SkipwiseException($"SKIPWISE_LIBTORCH={folder}: its libtorch does not load: {e.Message}", e);
        }
    }

    /// <summary>1: another version is tried if it has every function that is called; anyway: also if not; null: it is refused.</summary>
    private static string? Forced =>
        Environment.GetEnvironmentVariable("SKIPWISE_LIBTORCH_FORCE") is var forced and ("1" or "anyway") ? forced : null;

    /// <returns>the version of a libtorch that TorchSharp was not built for; null where it is the one</returns>
    private static unsafe string? OtherVersion(string core)
    {
        if (!NativeLibrary.TryGetExport(NativeLibrary.Load(core), "aoti_torch_abi_version", out nint address))
        {
            return "a version too old to say which";
        }
        ulong version = ((delegate* unmanaged<ulong>)address)();
        return version >> 48 == RequiredAbi >> 48 ? null : $"libtorch {version >> 56}.{version >> 48 & 0xFF}";
    }

    /// <exception cref="SkipwiseException">the libtorch lacks what TorchSharp's wrapper calls</exception>
    private static void RequireSymbols(string folder, string version, string wrapper)
    {
        const int told = 3;
        string[] names = ["libtorch.so", "libtorch_cpu.so", "libc10.so"];
        nint[] libraries = [.. names.Select(name => Path.Combine(folder, name)).Where(File.Exists).Select(NativeLibrary.Load)];
        IReadOnlyList<string> missing = LibtorchSymbols.Missing(NativeImage.Read(wrapper), libraries);
        if (missing.Count > 0)
        {
            throw new SkipwiseException(
                $"SKIPWISE_LIBTORCH={folder} holds {version}, which lacks {missing.Count} of the functions that TorchSharp calls: " +
                $"{string.Join("; ", missing.Take(told))}{(missing.Count > told ? "; ..." : "")}. Install torch=={RequiredLibtorch}.*, " +
                "or set SKIPWISE_LIBTORCH_FORCE=anyway: a call to one of them then ends the process.");
        }
    }

    private static string? FindPackaged(string file)
    {
        string native = Path.Combine(AppContext.BaseDirectory, "runtimes", RuntimeInformation.RuntimeIdentifier.StartsWith("linux-arm", StringComparison.Ordinal) ? "linux-arm64" : "linux-x64", "native");
        string[] search = ((string?)AppContext.GetData("NATIVE_DLL_SEARCH_DIRECTORIES"))?.Split(':', StringSplitOptions.RemoveEmptyEntries) ?? [];
        return search.Prepend(native).Prepend(AppContext.BaseDirectory)
            .Select(folder => Path.Combine(folder, file))
            .FirstOrDefault(File.Exists);
    }

    [DllImport("libc", CharSet = CharSet.Ansi, BestFitMapping = false, ThrowOnUnmappableChar = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int setenv(string name, string value, int overwrite);

    [DllImport("libc")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int mallopt(int parameter, int value);
}
