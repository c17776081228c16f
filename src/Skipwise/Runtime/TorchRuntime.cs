using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using TorchSharp;

namespace Skipwise.Runtime;

/// <summary>
/// Starts libtorch: the packaged one, or that of an installed PyTorch (<c>SKIPWISE_LIBTORCH</c>). Loading this library changes nothing in
/// the process. <see cref="TorchRuntimeOptions"/> lists what a start may change in addition, <see cref="Status"/> what it changed.
/// </summary>
/// <remarks>
/// Without a call of <see cref="Initialize"/>, libtorch is loaded when TorchSharp is first used (when the runtime compiles a method that
/// names one of its types), and nothing else changes.
/// </remarks>
/// <example>
/// <code>
/// TorchRuntime.Initialize(TorchRuntimeOptions.All); // the program's first line
/// string report = string.Join('\n', TorchRuntime.Status); // one line for each patch: on, off, not applicable, and why
/// </code>
/// </example>
public static class TorchRuntime
{
    /// <summary>The libtorch release that this TorchSharp was built for; its C++ interface changes with every minor version.</summary>
    public const string RequiredLibtorch = "2.10";

    /// <summary>Environment variable that switches all native patches off by the value "off".</summary>
    public const string PatchesVariable = "SKIPWISE_NATIVE_PATCHES";

    private static readonly Lock s_lock = new();
    private static bool s_isStarted;
    private static nint s_wrapper;
    private static string? s_obstacle; // reason why no patch is possible
    private static ExceptionDispatchInfo? s_failure;

    [ThreadStatic]
    private static bool s_isInitializing;

    /// <summary>Status of each native patch, in a fixed order.</summary>
    public static IReadOnlyList<NativePatchStatus> Status
    {
        get
        {
            lock (s_lock)
            {
                return NativePatches.Status();
            }
        }
    }

    /// <summary>
    /// Loads libtorch, if it is not loaded, and applies the requested native patches that are not on yet. A patch that cannot be applied
    /// changes nothing and is no error: see <see cref="Status"/>. To be called before anything else uses TorchSharp; machine code is not
    /// changed after a tensor has been created.
    /// </summary>
    /// <param name="options">null: no patches</param>
    /// <exception cref="SkipwiseException">the libtorch of <c>SKIPWISE_LIBTORCH</c> cannot be used</exception>
    public static void Initialize(TorchRuntimeOptions? options = null)
    {
        options ??= new TorchRuntimeOptions();
        // Read outside the lock: loading an assembly raises events, here and on other threads.
        string? torchSharp = options.DelayScalarFrees ? TorchSharpVersion() : null;
        lock (s_lock)
        {
            s_failure?.Throw();
            if (s_isStarted)
            {
                if (s_obstacle is not null)
                {
                    NativePatches.Refuse(options, s_obstacle);
                }
                else
                {
                    NativePatches.ApplyLater(options, s_wrapper, torchSharp);
                }
                return;
            }
            try
            {
                Start(options, torchSharp);
                s_isStarted = true;
            }
            catch (SkipwiseException e)
            {
                s_failure = ExceptionDispatchInfo.Capture(e);
                throw;
            }
        }
    }

    /// <summary>Handles the load of TorchSharp's library: TorchSharp's own search does not find all libraries on every system.</summary>
    [ModuleInitializer]
    [System.Diagnostics.CodeAnalysis.SuppressMessage("Usage", "CA2255",
        Justification = "it only listens: libtorch has to be loaded before TorchSharp's first type initializer runs")]
    internal static void Watch()
    {
        AppDomain.CurrentDomain.AssemblyLoad += (_, loaded) => LoadFor(loaded.LoadedAssembly);
        foreach (Assembly assembly in AppDomain.CurrentDomain.GetAssemblies())
        {
            LoadFor(assembly);
        }
    }

    private static void LoadFor(Assembly assembly)
    {
        if (assembly.GetName().Name != nameof(TorchSharp) || s_isInitializing)
        {
            return;
        }
        // An event handler must not throw: the error would be wrapped beyond recognition. Initialize() repeats it.
        try { Initialize(); }
        catch (SkipwiseException) { }
    }

    /// <summary>
    /// The version of TorchSharp. Loads its assembly on this thread if needed, without the load of libtorch that usually follows.
    /// </summary>
    private static string? TorchSharpVersion()
    {
        bool before = s_isInitializing;
        s_isInitializing = true;
        try
        {
            return VersionOfAssembly();
        }
        finally
        {
            s_isInitializing = before;
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static string? VersionOfAssembly() => typeof(torch).Assembly.GetName().Version?.ToString(fieldCount: 3);

    private static void Start(TorchRuntimeOptions options, string? torchSharp)
    {
        if (!OperatingSystem.IsLinux())
        {
            // the packages' own libraries load unaided on Windows and macOS
            Refuse(options, "there is no need for it outside of Linux");
            return;
        }
        NativePatches.Apply(options, NativePatches.Stage.BeforeLibtorch);
        string? wrapper = FindPackaged("libLibTorchSharp.so");
        if (CustomLibtorch.Folder is { } folder)
        {
            CustomLibtorch.Load(folder, wrapper);
        }
        if (wrapper is null)
        {
            Refuse(options, "libLibTorchSharp.so is not next to the program: TorchSharp searches for it");
            return;
        }
        if (CustomLibtorch.Folder is null)
        {
            foreach (string name in (string[])["libc10.so", "libtorch_cpu.so", "libtorch.so"])
            {
                if (FindPackaged(name) is { } path)
                {
                    NativeImage.Open(path);
                }
            }
        }
        NativePatches.Apply(options, NativePatches.Stage.WithLibtorch);
        (s_wrapper, NativePatchState state, string how) = NativeImage.Load(wrapper, options.LoadOnOlderSystems);
        NativePatches.SetLoad((state, how));
        NativePatches.Apply(options, NativePatches.Stage.WithWrapper, s_wrapper, torchSharp);
    }

    private static void Refuse(TorchRuntimeOptions options, string obstacle)
    {
        s_obstacle = obstacle;
        NativePatches.SetLoad((NativePatchState.NotApplicable, obstacle));
        NativePatches.Refuse(options, obstacle);
    }

    private static string? FindPackaged(string file)
    {
        bool isArm = RuntimeInformation.RuntimeIdentifier.StartsWith("linux-arm", StringComparison.Ordinal);
        string native = Path.Combine(AppContext.BaseDirectory, "runtimes", isArm ? "linux-arm64" : "linux-x64", "native");
        string[] search = ((string?)AppContext.GetData("NATIVE_DLL_SEARCH_DIRECTORIES"))?.Split(':', StringSplitOptions.RemoveEmptyEntries)
            ?? [];
        return search.Prepend(native).Prepend(AppContext.BaseDirectory)
            .Select(folder => Path.Combine(folder, file))
            .FirstOrDefault(File.Exists);
    }
}
