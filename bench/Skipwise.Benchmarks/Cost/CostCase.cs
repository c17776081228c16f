using System.Text.Json;
using Skipwise.Reports.Plots;
using Skipwise.Storage;

namespace Skipwise.Benchmarks.Cost;

/// <summary>Time and memory as work grows: every point in a process of its own, every series with its plot and its fitted laws.</summary>
internal static class CostCase
{
    public const string Name = "cost";

    private const int Threads = 1; // the laws are those of one core, but for the series of threads

    /// <summary>Measures the points that the folder's file does not have, and draws the plots.</summary>
    /// <param name="series">null: all</param>
    /// <param name="largest">points up to this</param>
    /// <param name="folder">has the JSON lines, and receives the plots as SVG</param>
    public static void Run(string[]? series, int largest, string folder)
    {
        Directory.CreateDirectory(folder);
        string path = Path.Combine(folder, $"{Name}.jsonl");
        List<CostPoint> points = File.Exists(path) ? [.. File.ReadLines(path).Select(Parse)] : [];
        foreach (CostSeries kind in CostSeries.All.Where(kind => series is null || series.Contains(kind.Name)))
        {
            foreach (int at in kind.Points.Where(at => at <= largest && !points.Any(point => (point.Series, point.At) == (kind.Name, at))))
            {
                string cores = kind.IsByWall ? $"{at}" : $"{Threads}";
                string line = OwnProcess.Run(["--cost-at", kind.Name, "--at", $"{at}", "--threads", cores]);
                Console.WriteLine(line);
                points.Add(Parse(line));
                File.AppendAllText(path, line + "\n");
            }
        }
        foreach (CostSeries kind in CostSeries.All)
        {
            CostPoint[] own = [.. points.Where(point => point.Series == kind.Name).OrderBy(point => point.X)];
            if (own.Length > 1)
            {
                AtomicFile.WriteText(Path.Combine(folder, $"{Name}-{kind.Name}.svg"), CostPlot.Of(kind, own).SvgFile(PlotLook.Light));
                Console.WriteLine($"| {kind.Title} | {CostFit.Of(kind.Times(own)).Describe(CostPlot.Seconds, kind.N)} "
                    + $"| {CostFit.Of(CostSeries.Sizes(own)).Describe(CostPlot.Mebibytes, kind.N)} |");
            }
        }
    }

    /// <summary>Measures one point in this process.</summary>
    /// <returns>a line of JSON</returns>
    public static string Measure(string series, int at) =>
        JsonSerializer.Serialize(CostSeries.All.First(kind => kind.Name == series).Measure(at), BenchResult.Json);

    private static CostPoint Parse(string line) => JsonSerializer.Deserialize<CostPoint>(line, BenchResult.Json)!;
}
