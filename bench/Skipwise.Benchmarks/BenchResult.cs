using System.Text.Json;
using Skipwise.Models;

namespace Skipwise.Benchmarks;

/// <summary>One line of output.</summary>
/// <param name="TokensPerSecond">wall clock, of the median step</param>
/// <param name="CpuSecondsPerStep">user and system time of the whole process during the median step</param>
/// <param name="PeakRssMib">the process's largest resident size in the warm-up and the first third of the steps, before the products'
/// operands are there</param>
/// <param name="MatmulGflops">matrix products alone, at the model's own shapes, in the same process: <see cref="MatmulBound"/></param>
/// <param name="MatmulShare">FLOPs of a step (<see cref="StepFlops"/>) per second, over the rate of the products just before and after it:
/// the median step's</param>
/// <param name="MatmulShareCpu">the same with CPU time in place of the wall clock on both sides: what to read on a machine that has other
/// work</param>
internal sealed record BenchResult(
    string Case, double TokensPerSecond, double CpuSecondsPerStep, double PeakRssMib, double MatmulGflops, double MatmulShare,
    double MatmulShareCpu)
{
    public static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };
}

/// <summary>What a case's steps took, and the bound.</summary>
/// <param name="Tokens">per step</param>
/// <param name="Flops">per step</param>
/// <param name="Pairs">steps and the products beside them</param>
internal sealed record Measurement(long Tokens, double Flops, IReadOnlyList<StepUsage> Steps, double PeakRssMib, double BoundFlops,
    IReadOnlyList<Pair> Pairs)
{
    /// <summary>Runs a step once to warm up, then as often as asked: first alone, for the process's own peak, then each between two passes
    /// of the products.</summary>
    /// <remarks>A shared machine's rate changes by a fifth from one second to the next: what a share compares has to be measured side by
    /// side.</remarks>
    public static Measurement Of(int steps, BenchWork work)
    {
        (Action step, long tokens, double flops, DecoderConfig model, long rows, _) = work;
        step();
        List<StepUsage> usage = [.. Enumerable.Range(0, steps / 3).Select(_ => StepUsage.Of(step))];
        double peak = StepUsage.PeakRssMib(); // the products' operands do not count
        var bound = new MatmulBound(model, rows);
        var pairs = new List<Pair>();
        StepUsage before = bound.Pass();
        while (usage.Count < steps)
        {
            StepUsage taken = StepUsage.Of(step), after = bound.Pass();
            usage.Add(taken);
            pairs.Add(new(taken, 0.5 * (before + after)));
            before = after;
        }
        return new(tokens, flops, usage, peak, bound.Flops, pairs);
    }

    public BenchResult ToResult(BenchCase measured)
    {
        double wall = Median(Steps.Select(step => step.WallSeconds)), cpu = Median(Steps.Select(step => step.CpuSeconds)),
            times = Flops / BoundFlops;
        return new(measured.Name, Math.Round(Tokens / wall, 1), Math.Round(cpu, 3), Math.Round(PeakRssMib),
            Math.Round(BoundFlops / Median(Pairs.Select(pair => pair.Products.WallSeconds)) / 1e9, 1),
            Math.Round(times * Median(Pairs.Select(pair => pair.Products.WallSeconds / pair.Step.WallSeconds)), 3),
            Math.Round(times * Median(Pairs.Select(pair => pair.Products.CpuSeconds / pair.Step.CpuSeconds)), 3));
    }

    public static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        int middle = sorted.Length / 2;
        return sorted.Length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }
}

/// <param name="Products">one pass of <see cref="MatmulBound"/>: the mean of the one before the step and the one after it</param>
internal readonly record struct Pair(StepUsage Step, StepUsage Products);
