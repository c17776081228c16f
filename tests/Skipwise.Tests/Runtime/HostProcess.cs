using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text.Json;
using Skipwise.Models;
using Skipwise.Runtime;
using static TorchSharp.torch;

namespace Skipwise.Tests.Runtime;

/// <summary>
/// A program that uses the library: this assembly, started again, since libtorch is loaded once per process. It computes a forward of a
/// tiny model and tells what became of the process, as far as the process itself shows it.
/// </summary>
internal static class HostProcess
{
    private const string Asked = "SKIPWISE_TEST_HOST";

    /// <summary>the patch of TorchSharp's own machine code</summary>
    internal const string Wrapped = nameof(TorchRuntimeOptions.DelayScalarFrees);

    /// <summary>exported functions that a patch overwrites, by its name: library, symbol</summary>
    private static readonly Dictionary<string, (string Library, string Symbol)> s_functions = new()
    {
        [nameof(TorchRuntimeOptions.AllocateTensorsByMalloc)] = ("libc10.so", "_ZN3c109alloc_cpuEm"),
        [nameof(TorchRuntimeOptions.ForceMklAvx512)] = ("libtorch_cpu.so", "mkl_serv_intel_cpu_true"),
        [Wrapped] = ("libLibTorchSharp.so", "THSTorch_dispose_scalar"),
    };

    /// <summary>When a program calls <see cref="TorchRuntime.Initialize"/>.</summary>
    public enum Kind
    {
        /// <summary>not at all</summary>
        Plain,
        /// <summary>first, for everything</summary>
        Tool,
        /// <summary>when it has computed, for everything</summary>
        Late,
        /// <summary>for nothing; then everything is asked for with a TorchSharp whose machine code nobody knows</summary>
        Unknown,
    }

    /// <param name="Patches">as the library tells, by name</param>
    /// <param name="MapsLargeAllocations">as glibc does unless told otherwise</param>
    /// <param name="Environment">variables that are set for native code, beyond those that the process was given</param>
    /// <param name="Overwritten">patches whose function has other bytes in memory than in its file</param>
    internal sealed record Report(
        Dictionary<string, NativePatchState> Patches, bool MapsLargeAllocations, string[] Environment, string[] Overwritten,
        float[] Logits);

    /// <param name="patches">the value of the variable that switches patches off</param>
    public static Report Run(Kind kind, string? patches = null)
    {
        var start = new ProcessStartInfo(System.Environment.ProcessPath!) { Environment = { [Asked] = kind.ToString() } };
        foreach (string name in (string[])["OMP_WAIT_POLICY", "TORCH_CUDNN_SDPA_DEPRIORITIZED", TorchRuntime.PatchesVariable])
        {
            start.Environment.Remove(name);
        }
        if (patches is not null)
        {
            start.Environment[TorchRuntime.PatchesVariable] = patches;
        }
        (int code, string output, string error) = ChildProcess.Run(start);
        Assert.True(code == 0, error + output);
        return JsonSerializer.Deserialize<Report>(output)!;
    }

    /// <summary>In the process that is asked: computes, tells and ends.</summary>
    public static void ServeIfAsked()
    {
        if (System.Environment.GetEnvironmentVariable(Asked) is not { } kind)
        {
            return;
        }
        if (kind == nameof(Kind.Tool))
        {
            TorchRuntime.Initialize(TorchRuntimeOptions.All);
        }
        if (kind == nameof(Kind.Unknown))
        {
            TorchRuntime.Initialize();
            NativePatches.ApplyLater(TorchRuntimeOptions.All, NativeLibrary.Load(s_functions[Wrapped].Library), "0.1.0");
        }
        float[] logits = Forward();
        if (kind == nameof(Kind.Late))
        {
            TorchRuntime.Initialize(TorchRuntimeOptions.All);
        }
        string[] set = ["OMP_WAIT_POLICY", "TORCH_CUDNN_SDPA_DEPRIORITIZED"];
        Console.Out.Write(JsonSerializer.Serialize(new Report(
            TorchRuntime.Status.ToDictionary(patch => patch.Name, patch => patch.State), MapsLargeAllocations(),
            [.. set.Where(name => getenv(name) != 0)], [.. s_functions.Keys.Where(IsOverwritten)], logits)));
        Console.Out.Flush();
        System.Environment.Exit(0);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static float[] Forward()
    {
        set_num_threads(1);
        using var scope = NewDisposeScope();
        using CausalLM model = TinyModel.Create();
        return model.Logits(tensor((long[])[1, 2, 3]).view(1, 3), arange(3).view(1, 3)).data<float>().ToArray();
    }

    /// <summary>Whether malloc takes a large piece from the kernel by a mapping of its own: a bit of the size before the piece says
    /// so.</summary>
    private static unsafe bool MapsLargeAllocations()
    {
        const nuint large = 100 << 20, isMapped = 2;
        void* piece = NativeMemory.Alloc(large);
        bool maps = (((nuint*)piece)[-1] & isMapped) != 0;
        NativeMemory.Free(piece);
        return maps;
    }

    /// <summary>Whether a function's beginning in memory is another than in the library's file.</summary>
    private static bool IsOverwritten(string patch)
    {
        const int length = 16;
        (string library, string symbol) = s_functions[patch];
        nint address = NativeLibrary.GetExport(NativeLibrary.Load(library), symbol);
        byte[] memory = new byte[length], file = new byte[length];
        Marshal.Copy(address, memory, 0, length);
        using FileStream bytes = File.OpenRead(Path.Combine(AppContext.BaseDirectory, "runtimes", "linux-x64", "native", library));
        bytes.Position = FileOffset(address);
        bytes.ReadExactly(file);
        return !memory.SequenceEqual(file);
    }

    /// <summary>Where what lies at an address of the process came from in its file.</summary>
    private static long FileOffset(nint address)
    {
        foreach (string line in File.ReadLines("/proc/self/maps")) // "start-end rights offset device inode path", in hexadecimal
        {
            string[] fields = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            string[] range = fields[0].Split('-');
            long start = Hex(range[0]);
            if (address >= start && address < Hex(range[1]))
            {
                return Hex(fields[2]) + address - start;
            }
        }
        throw new InvalidOperationException("no mapping has the address");
    }

    private static long Hex(string text) => long.Parse(text, NumberStyles.HexNumber, CultureInfo.InvariantCulture);

    [DllImport("libc", CharSet = CharSet.Ansi, BestFitMapping = false, ThrowOnUnmappableChar = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern nint getenv(string name);
}
