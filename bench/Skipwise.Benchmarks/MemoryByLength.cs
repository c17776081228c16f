using System.Text.Json;
using ScottPlot;
using Skipwise.Evaluation.Scoring;
using Skipwise.Models;
using Skipwise.Reports.Plots;
using Skipwise.Storage;

namespace Skipwise.Benchmarks;

/// <summary>One window's peak memory.</summary>
/// <param name="PeakRssMib">the process's largest resident size, its start included</param>
/// <param name="CacheMib">what the keys and values of all its tokens take of that: 2 L H D floats a token</param>
internal sealed record MemoryPoint(int Tokens, double PeakRssMib, double CacheMib, double CpuSeconds);

/// <summary>Peak memory of scoring one window of model (i), by its length: a straight line, because a long window is read in chunks through
/// a cache.</summary>
internal static class MemoryByLength
{
    public const string Name = "memory-by-length";

    private static readonly int[] s_lengths = [4096, 8192, 16384, 32768, 65536, 131072];

    /// <summary>
    /// Measures every length, each in a process of its own, and draws the plot. Lines that stand in the folder's file already are not
    /// measured again: the long lengths take many minutes.
    /// </summary>
    /// <param name="longest">lengths up to this</param>
    /// <param name="folder">receives the JSON lines, and the plot as PNG and SVG</param>
    public static void Run(string[] options, int longest, string folder)
    {
        Directory.CreateDirectory(folder);
        string path = Path.Combine(folder, $"{Name}.jsonl");
        List<MemoryPoint> points = File.Exists(path) ? [.. File.ReadLines(path).Select(Read)] : [];
        foreach (int length in s_lengths.Where(length => length <= longest && points.All(point => point.Tokens != length)))
        {
            string line = OwnProcess.Run([.. options, "--memory-at", $"{length}"]);
            Console.WriteLine(line);
            points.Add(Read(line));
            File.AppendAllText(path, line + "\n");
        }
        Figure figure = MemoryPlot.Of([.. points.OrderBy(point => point.Tokens)]);
        AtomicFile.Write(Path.Combine(folder, $"{Name}.png"), file => file.Write(figure.Png(PlotLook.Light)));
        AtomicFile.WriteText(Path.Combine(folder, $"{Name}.svg"), figure.SvgFile(PlotLook.Light));
    }

    private static MemoryPoint Read(string line) => JsonSerializer.Deserialize<MemoryPoint>(line, BenchResult.Json)!;

    public static string Measure(int tokens)
    {
        DecoderConfig config = BenchModels.Small(tokens, Math.Max(1, tokens / 2048.0));
        using CausalLM model = BenchModels.Create(config);
        int[][] window = [[.. Enumerable.Range(0, tokens).Select(t => t * 31 % config.VocabSize)]];
        StepUsage usage = StepUsage.Of(() => Scorer.Losses(model, window, tokens - 1));
        double cache = 2.0 * config.NumHiddenLayers * config.NumKeyValueHeads * config.HeadDim * sizeof(float) * tokens / (1 << 20);
        return JsonSerializer.Serialize(
            new MemoryPoint(tokens, Math.Round(StepUsage.PeakRssMib()), Math.Round(cache), Math.Round(usage.CpuSeconds, 1)),
            BenchResult.Json);
    }
}
