namespace Skipwise.Estimation;

/// <param name="Seconds">wall time</param>
/// <param name="CpuSeconds">CPU time of all threads, user and system</param>
internal readonly record struct ComputeTime(double Seconds, double CpuSeconds)
{
    public static ComputeTime operator +(ComputeTime a, ComputeTime b) => new(a.Seconds + b.Seconds, a.CpuSeconds + b.CpuSeconds);

    public static ComputeTime operator -(ComputeTime a, ComputeTime b) => new(a.Seconds - b.Seconds, a.CpuSeconds - b.CpuSeconds);

    public static ComputeTime operator *(double times, ComputeTime one) => new(times * one.Seconds, times * one.CpuSeconds);
}
