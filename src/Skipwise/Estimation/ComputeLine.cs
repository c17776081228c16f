namespace Skipwise.Estimation;

/// <summary>Time as a fixed part and a part that grows with the work.</summary>
/// <param name="Fixed">time whatever the work</param>
/// <param name="PerUnit">time per unit of work</param>
internal readonly record struct ComputeLine(ComputeTime Fixed, ComputeTime PerUnit)
{
    /// <summary>The line through two timed sizes; it always passes through the larger one. Neither part is negative: measured times
    /// scatter.</summary>
    /// <param name="less">smaller work; 0 if one size alone was timed, which then has no fixed part</param>
    public static ComputeLine Through(double work, ComputeTime time, double less, ComputeTime ofLess)
    {
        double Slope(double whole, double part) => Math.Clamp((whole - part) / (work - less), 0, whole / work);
        var perUnit = new ComputeTime(Slope(time.Seconds, ofLess.Seconds), Slope(time.CpuSeconds, ofLess.CpuSeconds));
        return new(time - (work * perUnit), perUnit);
    }
}
