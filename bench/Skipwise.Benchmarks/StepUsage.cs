using System.Diagnostics;

namespace Skipwise.Benchmarks;

/// <summary>Wall clock and CPU time (user and system, all threads) of one piece of work.</summary>
internal readonly record struct StepUsage(double WallSeconds, double CpuSeconds)
{
    public static StepUsage operator +(StepUsage a, StepUsage b) => new(a.WallSeconds + b.WallSeconds, a.CpuSeconds + b.CpuSeconds);

    public static StepUsage operator *(double times, StepUsage one) => new(times * one.WallSeconds, times * one.CpuSeconds);

    public static StepUsage Of(Action work)
    {
        TimeSpan before = CpuTime();
        var clock = Stopwatch.StartNew();
        work();
        return new(clock.Elapsed.TotalSeconds, (CpuTime() - before).TotalSeconds);
    }

    /// <summary>The largest resident size of this process so far.</summary>
    public static double PeakRssMib()
    {
        using var self = Process.GetCurrentProcess();
        return self.PeakWorkingSet64 / (double)(1 << 20);
    }

    private static TimeSpan CpuTime()
    {
        using var self = Process.GetCurrentProcess();
        return self.TotalProcessorTime;
    }
}
