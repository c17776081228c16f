namespace Skipwise.Estimation;

/// <param name="Seconds">on the clock</param>
/// <param name="CpuSeconds">of all threads, user and system</param>
internal readonly record struct ComputeTime(double Seconds, double CpuSeconds)
{
    public static ComputeTime operator +(ComputeTime a, ComputeTime b) => new(a.Seconds + b.Seconds, a.CpuSeconds + b.CpuSeconds);

    public static ComputeTime operator -(ComputeTime a, ComputeTime b) => new(a.Seconds - b.Seconds, a.CpuSeconds - b.CpuSeconds);

    public static ComputeTime operator *(double times, ComputeTime one) => new(times * one.Seconds, times * one.CpuSeconds);
}
