using System.Text.Json;

namespace Skipwise.Benchmarks.Peer;

/// <summary>What one process measured: its median step.</summary>
/// <param name="Side">who computed</param>
/// <param name="PeakRssMib">largest resident size of the process</param>
internal sealed record SideResult(string Case, string Side, long Tokens, double WallSeconds, double CpuSeconds, double PeakRssMib)
{
    private const int MostSteps = 8;

    /// <summary>Runs the steps of a case, after one that is not measured.</summary>
    /// <param name="side">one of <see cref="PeerComparison"/>'s</param>
    /// <param name="steps">null: chosen by case</param>
    public static SideResult Of(BenchCase chosen, string side, int? steps)
    {
        int count = steps ?? Math.Min(chosen.Steps, MostSteps);
        using BenchWork work = side == PeerComparison.Ours ? chosen.Start(count + 1) : PeerWork.Start(chosen, count + 1);
        work.Step();
        StepUsage[] usage = [.. Enumerable.Range(0, count).Select(_ => StepUsage.Of(work.Step))];
        return new(chosen.Name, side, work.Tokens, Measurement.Median(usage.Select(step => step.WallSeconds)),
            Measurement.Median(usage.Select(step => step.CpuSeconds)), StepUsage.PeakRssMib());
    }

    /// <summary>The middle of several processes, each number by itself.</summary>
    public static SideResult Median(IReadOnlyList<SideResult> runs) => runs[0] with
    {
        WallSeconds = Measurement.Median(runs.Select(run => run.WallSeconds)),
        CpuSeconds = Measurement.Median(runs.Select(run => run.CpuSeconds)),
        PeakRssMib = Measurement.Median(runs.Select(run => run.PeakRssMib)),
    };

    public string ToJson() => JsonSerializer.Serialize(this, BenchResult.Json);

    public static SideResult Parse(string line) => JsonSerializer.Deserialize<SideResult>(line, BenchResult.Json)!;
}
