using System.ComponentModel;

namespace Skipwise.Benchmarks.Peer;

/// <summary>
/// Skipwise beside what users would take instead, on the same cases: in turns, each run a process of its own, because a shared machine's
/// rate changes and memory that one has freed is not given back.
/// </summary>
/// <param name="Pairs">runs of each</param>
/// <param name="Threads">null: as many as libtorch takes</param>
/// <param name="WithPatched">PyTorch's way is measured a second time, with our native patches</param>
/// <param name="HasNoAvx512">neither uses AVX-512, as on most processors</param>
internal sealed record PeerComparison(int Pairs, string? Steps, string? Threads, bool IsBfloat16, bool WithPatched, bool HasNoAvx512)
{
    public const string Ours = "ours", Torch = "torch", TorchPatched = "torch-patched";

    private static readonly string[] s_cases = ["i-4x512", "i-1x2048", "i-1x4096", "ii-1x1024", "i-forward-8192"];

    private const string Interpreter = "python3";

    private const string Probe =
        "import importlib.util as found, sys; sys.exit(not (found.find_spec('torch') and found.find_spec('transformers')))";

    private static readonly string s_script = Path.Combine(AppContext.BaseDirectory, "cpu-peer.py");

    /// <summary>For our C# code, MKL, oneDNN and libtorch's own kernels.</summary>
    private static readonly (string Name, string Value)[] s_noAvx512 =
    [
        ("DOTNET_EnableAVX512", "0"), ("MKL_ENABLE_INSTRUCTIONS", "AVX2"), ("ONEDNN_MAX_CPU_ISA", "AVX2"),
        ("ATEN_CPU_CAPABILITY", "avx2"),
    ];

    /// <summary>Prints a table in Markdown, then a line of JSON for each of its rows; every run stands on standard error.</summary>
    /// <param name="cases">null: those that the documentation shows</param>
    public void Run(string[]? cases)
    {
        var rows = new List<PeerPair>();
        string settings = string.Join(", ", ((string[])[IsBfloat16 ? "bfloat16" : "", HasNoAvx512 ? "no AVX-512" : ""])
            .Where(part => part.Length > 0));
        string[] sides = [Ours, Torch, .. WithPatched ? [TorchPatched] : (string[])[], .. HasPython() ? [Interpreter] : (string[])[]];
        Console.WriteLine(PeerPair.Heading);
        foreach (string name in cases ?? s_cases)
        {
            Console.Error.WriteLine(OwnProcess.Run(["--peer-check", name, .. Options], Variables));
            var runs = sides.ToDictionary(side => side, _ => new List<SideResult>());
            for (int round = 0; round < Pairs; round++)
            {
                foreach (string side in sides)
                {
                    runs[side].Add(Measure(name, side));
                }
            }
            foreach (string peer in sides.Skip(1))
            {
                var row = new PeerPair(settings, Threads ?? "all", SideResult.Median(runs[Ours]), SideResult.Median(runs[peer]),
                    [.. runs[Ours].Zip(runs[peer], (a, b) => Math.Round(b.CpuSeconds / a.CpuSeconds, 3))]);
                Console.WriteLine(row.ToRow());
                rows.Add(row);
            }
        }
        Console.WriteLine();
        rows.ForEach(row => Console.WriteLine(row.ToJson()));
    }

    private IEnumerable<string> Options =>
    [
        .. Threads is null ? (string[])[] : ["--threads", Threads], .. IsBfloat16 ? (string[])["--dtype", "bfloat16"] : [],
        .. Steps is null ? (string[])[] : ["--steps", Steps],
    ];

    private IEnumerable<(string, string)> Variables => HasNoAvx512 ? s_noAvx512 : [];

    private SideResult Measure(string name, string side)
    {
        string line = side == Interpreter ? OwnProcess.Run(Interpreter, [s_script, name, .. Options], Variables)
            : OwnProcess.Run(["--side", side, "--case", name, .. Options], Variables);
        Console.Error.WriteLine(line);
        return SideResult.Parse(line);
    }

    /// <returns>whether a Python with PyTorch and transformers is there; if not, it says so</returns>
    private static bool HasPython()
    {
        try
        {
            OwnProcess.Run(Interpreter, ["-c", Probe]);
            return true;
        }
        catch (Exception e) when (e is InvalidOperationException or Win32Exception)
        {
            Console.Error.WriteLine($"{Interpreter} has no torch and transformers here: they are not measured.");
            return false;
        }
    }
}
