using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;
using Skipwise.Kernels;
using Skipwise.Runtime;
using Skipwise.Storage;
using TorchSharp;

namespace Skipwise.Recipes;

/// <summary>The loaded libtorch.</summary>
/// <param name="Version">such as 2.10; null if it does not tell</param>
/// <param name="Path">the file that was loaded</param>
/// <param name="Threads">threads that it computes on</param>
/// <param name="Problem">why it cannot be used; null if it can</param>
internal sealed record LibtorchReport(string? Version, string? Path, int Threads, string? Problem);

/// <summary>Room on a disk.</summary>
/// <param name="Path">a folder on it</param>
/// <param name="Free">bytes that this user can write</param>
internal sealed record DiskReport(string Path, long Free);

/// <summary>What Skipwise runs on and what it uses of it: the content of a bug report.</summary>
/// <param name="Version">of Skipwise, with the commit</param>
/// <param name="Instructions">the instruction sets of the processor that kernels depend on</param>
/// <param name="Memory">bytes that this process may use</param>
/// <param name="MemoryInUse">bytes in use on the machine</param>
/// <param name="Kernels">the kernels that the CPU uses, by element type</param>
/// <param name="Patches">the native patches of <see cref="TorchRuntime"/></param>
/// <param name="GpuDriver">whether an NVIDIA driver is installed</param>
/// <param name="Gpus">GPUs that libtorch can use</param>
/// <param name="Mpi">launchers and libraries of MPI that were found, by path; they are not started or loaded</param>
/// <param name="Environment">environment variables that Skipwise, libtorch or its threads read</param>
internal sealed record MachineReport(
    string Version, string System, string Architecture, string DotNet, string? Processor, int Cores, IReadOnlyList<string> Instructions,
    long Memory, long MemoryInUse, IReadOnlyList<DiskReport> Disks, LibtorchReport Libtorch,
    IReadOnlyDictionary<string, string> Kernels, IReadOnlyList<NativePatchStatus> Patches, bool GpuDriver, IReadOnlyList<string> Gpus,
    IReadOnlyList<string> Mpi, IReadOnlyDictionary<string, string> Environment)
{
    /// <summary>Environment variables that are shown.</summary>
    internal static IReadOnlyList<string> Variables { get; } =
    [
        "SKIPWISE_LIBTORCH", "SKIPWISE_LIBTORCH_FORCE", TorchRuntime.PatchesVariable, "SKIPWISE_MAP", "SKIPWISE_TRACE",
        "OMP_NUM_THREADS", "OMP_WAIT_POLICY", "MKL_NUM_THREADS", "ATEN_CPU_CAPABILITY", "DOTNET_EnableAVX512", "DOTNET_EnableAVX2",
        "CUDA_VISIBLE_DEVICES", "LD_LIBRARY_PATH", "LD_PRELOAD", "HF_ENDPOINT", "HF_HOME", "HF_HUB_CACHE", "HF_HUB_OFFLINE", // no token
    ];

    /// <summary>Looks at this machine. libtorch is loaded as for any other work, with all native patches.</summary>
    public static MachineReport Create()
    {
        LibtorchReport libtorch = LoadLibtorch();
        bool works = libtorch.Problem is null;
        GC.Collect(0); // which measures the machine's load
        GCMemoryInfo memory = GC.GetGCMemoryInfo(GCKind.Any);
        return new MachineReport(
            typeof(MachineReport).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown",
            RuntimeInformation.OSDescription,
            $"{RuntimeInformation.ProcessArchitecture}".ToLowerInvariant(),
            RuntimeInformation.FrameworkDescription,
            ProcessorName(),
            global::System.Environment.ProcessorCount,
            [.. InstructionSets().Where(set => set.IsSupported).Select(set => set.Name)],
            memory.TotalAvailableMemoryBytes,
            memory.MemoryLoadBytes,
            [.. new[] { Directory.GetCurrentDirectory(), Path.GetTempPath() }.Distinct().Select(Disk).OfType<DiskReport>()],
            libtorch,
            works ? UsedKernels() : new Dictionary<string, string>(),
            TorchRuntime.Status,
            NativeLibrary.TryLoad(OperatingSystem.IsWindows() ? "nvcuda.dll" : "libcuda.so.1", out _),
            works ? UsableGpus() : [],
            [.. MpiFiles().Where(File.Exists).Distinct()],
            Variables.Select(name => (name, Value: global::System.Environment.GetEnvironmentVariable(name)))
                .Where(variable => variable.Value is not null).ToDictionary(variable => variable.name, variable => variable.Value!));
    }

    private static LibtorchReport LoadLibtorch()
    {
        try
        {
            TorchRuntime.Initialize(TorchRuntimeOptions.All);
            return new(LoadedLibtorch.Version(), LibraryPath(), Threads(), null);
        }
        catch (Exception e) when (e is SkipwiseException or DllNotFoundException or TypeInitializationException or NotSupportedException
            or BadImageFormatException or EntryPointNotFoundException)
        {
            Exception cause = e as SkipwiseException ?? e.InnerException ?? e;
            string[] lines = cause.Message.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
            return new(null, LibraryPath(), 0, $"cannot be used: {string.Join(' ', lines)}");
        }
    }

    /// <summary>Apart from the start of libtorch: the first method that names one of TorchSharp's types would load it.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int Threads() => torch.get_num_threads();

    private static string? LibraryPath()
    {
        using var self = global::System.Diagnostics.Process.GetCurrentProcess();
        return self.Modules.Cast<global::System.Diagnostics.ProcessModule>().Select(module => module.FileName)
            .FirstOrDefault(file => Path.GetFileNameWithoutExtension(file) is "libtorch_cpu" or "torch_cpu");
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static Dictionary<string, string> UsedKernels() =>
        new (string Name, torch.ScalarType Type)[]
        {
            ("cpu float32", torch.ScalarType.Float32), ("cpu bfloat16", torch.ScalarType.BFloat16),
        }.ToDictionary(kind => kind.Name, kind => KernelSet.For(torch.CPU, kind.Type).ToString()!);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static IReadOnlyList<string> UsableGpus() =>
        torch.cuda.is_available() ? [.. Enumerable.Range(0, torch.cuda.device_count()).Select(gpu => $"cuda:{gpu}")] : [];

    private static IEnumerable<(string Name, bool IsSupported)> InstructionSets() =>
    [
        ("avx", Avx.IsSupported), ("avx2", Avx2.IsSupported), ("fma", Fma.IsSupported), ("avx512f", Avx512F.IsSupported),
        ("avx512bw", Avx512BW.IsSupported), ("avx512vbmi", Avx512Vbmi.IsSupported), ("neon", AdvSimd.IsSupported),
        ("dotprod", Dp.IsSupported),
    ];

    /// <summary>Null if the system does not tell: on macOS, and on Arm under Linux.</summary>
    private static string? ProcessorName()
    {
        if (OperatingSystem.IsLinux() && File.Exists("/proc/cpuinfo"))
        {
            string? line = InputFile.ReadText("/proc/cpuinfo").Split('\n')
                .FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal));
            return line?.Split(':', 2)[1].Trim();
        }
        return global::System.Environment.GetEnvironmentVariable("PROCESSOR_IDENTIFIER");
    }

    private static DiskReport? Disk(string folder)
    {
        try
        {
            return new(folder, new DriveInfo(folder).AvailableFreeSpace);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return null;
        }
    }

    private static IEnumerable<string> MpiFiles()
    {
        string suffix = OperatingSystem.IsWindows() ? ".exe" : "";
        foreach (string folder in Folders("PATH"))
        {
            foreach (string launcher in (string[])["mpirun", "mpiexec", "srun"])
            {
                yield return Path.Combine(folder, launcher + suffix);
            }
        }
        string[] places =
        [
            .. Folders("LD_LIBRARY_PATH"), "/usr/lib", "/usr/lib64", "/usr/local/lib", "/usr/lib/x86_64-linux-gnu",
            "/usr/lib/aarch64-linux-gnu", "/opt/homebrew/lib", global::System.Environment.SystemDirectory,
        ];
        foreach (string place in places.Where(Directory.Exists))
        {
            string[] names = OperatingSystem.IsWindows() ? ["msmpi.dll"] : ["libmpi.so*", "libmpi.dylib"];
            var readable = new EnumerationOptions(); // which passes over folders that may not be read
            foreach (string library in names.SelectMany(name => Directory.EnumerateFiles(place, name, readable)))
            {
                yield return library;
            }
        }
    }

    private static string[] Folders(string variable) =>
        (global::System.Environment.GetEnvironmentVariable(variable) ?? "")
            .Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries);
}
