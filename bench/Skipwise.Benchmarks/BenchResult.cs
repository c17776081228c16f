using System.Text.Json;

namespace Skipwise.Benchmarks;

/// <summary>One line of output.</summary>
/// <param name="TokensPerSecond">wall clock, of the median step</param>
/// <param name="CpuSecondsPerStep">user and system time of the whole process during the median step</param>
/// <param name="PeakRssMib">the process's largest resident size up to the end of the last step</param>
/// <param name="MatmulGflops">matrix products alone, at the model's own shapes, in the same process: <see cref="MatmulRate"/></param>
/// <param name="MatmulShare">FLOPs of a step (<see cref="StepFlops"/>) per second of the median step, over that rate</param>
/// <param name="MatmulShareCpu">the same with CPU time in place of the wall clock on both sides: what to read on a machine that has other work</param>
internal sealed record BenchResult(
    string Case, double TokensPerSecond, double CpuSecondsPerStep, double PeakRssMib, double MatmulGflops, double MatmulShare, double MatmulShareCpu)
{
    public static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };
}

/// <summary>What a case's steps took, and the bound.</summary>
/// <param name="Tokens">per step</param>
/// <param name="Flops">per step</param>
internal sealed record Measurement(long Tokens, double Flops, IReadOnlyList<StepUsage> Steps, double PeakRssMib, MatmulRate Matmul)
{
    public BenchResult ToResult(BenchCase measured)
    {
        double wall = Median(Steps.Select(step => step.WallSeconds)), cpu = Median(Steps.Select(step => step.CpuSeconds));
        return new(measured.Name, Math.Round(Tokens / wall, 1), Math.Round(cpu, 3), Math.Round(PeakRssMib), Math.Round(Matmul.FlopsPerWallSecond / 1e9, 1),
            Math.Round(Flops / wall / Matmul.FlopsPerWallSecond, 3), Math.Round(Flops / cpu / Matmul.FlopsPerCpuSecond, 3));
    }

    private static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        int middle = sorted.Length / 2;
        return sorted.Length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }
}
