using System.Runtime.InteropServices;

namespace Skipwise.Runtime;

/// <summary>libtorch of an installed PyTorch, named by <c>SKIPWISE_LIBTORCH</c>, in place of the packaged one.</summary>
internal static class CustomLibtorch
{
    /// <summary>The folder that the environment names; null if none.</summary>
    public static string? Folder => Environment.GetEnvironmentVariable("SKIPWISE_LIBTORCH") is { Length: > 0 } folder ? folder : null;

    /// <summary>
    /// Treatment of another version. 1: accepted if it has every function that is called; anyway: accepted; null: refused.
    /// </summary>
    private static string? Forced =>
        Environment.GetEnvironmentVariable("SKIPWISE_LIBTORCH_FORCE") is var forced and ("1" or "anyway") ? forced : null;

    /// <summary>Loads libtorch from the folder.</summary>
    /// <param name="wrapper">TorchSharp's native library, whose imports are checked; null: not found</param>
    /// <exception cref="SkipwiseException">the folder holds none, it does not load, or its version differs</exception>
    public static void Load(string folder, string? wrapper)
    {
        string core = Path.Combine(folder, "libtorch_cpu.so");
        if (!File.Exists(core))
        {
            throw new SkipwiseException(
                $"SKIPWISE_LIBTORCH={folder}: there is no libtorch_cpu.so in it. Give the lib folder of a PyTorch " +
                $"{TorchRuntime.RequiredLibtorch} install " +
                "(python -c \"import torch, os; print(os.path.join(os.path.dirname(torch.__file__), 'lib'))\"), " +
                "or unset the variable to use the packaged libtorch.");
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
                    $"SKIPWISE_LIBTORCH={folder} holds {other}; Skipwise needs {TorchRuntime.RequiredLibtorch}.x, since libtorch's C++ " +
                    $"interface changes between minor versions. Install torch=={TorchRuntime.RequiredLibtorch}.*, or set " +
                    "SKIPWISE_LIBTORCH_FORCE=1 to try it at your own risk, if it has every function that is called.");
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
        }
        catch (Exception e) when (e is DllNotFoundException or BadImageFormatException)
        {
            throw new SkipwiseException($"SKIPWISE_LIBTORCH={folder}: its libtorch does not load: {e.Message}", e);
        }
    }

    /// <returns>description of a libtorch that TorchSharp was not built for; null if it is the right one</returns>
    private static string? OtherVersion(string core)
    {
        if (!NativeLibrary.TryGetExport(NativeLibrary.Load(core), "aoti_torch_abi_version", out nint ask))
        {
            return "a version too old to report its number";
        }
        string version = LoadedLibtorch.Version(ask);
        return version == TorchRuntime.RequiredLibtorch ? null : $"libtorch {version}";
    }

    /// <exception cref="SkipwiseException">libtorch lacks functions that TorchSharp's wrapper calls</exception>
    private static void RequireSymbols(string folder, string version, string wrapper)
    {
        const int shown = 3;
        string[] names = ["libtorch.so", "libtorch_cpu.so", "libc10.so"];
        nint[] libraries = [.. names.Select(name => Path.Combine(folder, name)).Where(File.Exists).Select(NativeLibrary.Load)];
        IReadOnlyList<string> missing = LibtorchSymbols.Missing(NativeImage.Read(wrapper), libraries);
        if (missing.Count > 0)
        {
            throw new SkipwiseException(
                $"SKIPWISE_LIBTORCH={folder} holds {version}, which lacks {missing.Count} of the functions that TorchSharp calls: " +
                $"{string.Join("; ", missing.Take(shown))}{(missing.Count > shown ? "; ..." : "")}. " +
                $"Install torch=={TorchRuntime.RequiredLibtorch}.*, or set SKIPWISE_LIBTORCH_FORCE=anyway: " +
                "a call to one of them then ends the process.");
        }
    }
}
