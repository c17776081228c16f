namespace Skipwise.Benchmarks.Cost;

/// <summary>One measured point.</summary>
/// <param name="Series">name of its <see cref="CostSeries"/></param>
/// <param name="At">which point of the series</param>
/// <param name="X">what grows</param>
/// <param name="WallSeconds">of the middle step</param>
/// <param name="CpuSeconds">of the middle step, all threads</param>
/// <param name="PeakRssMib">largest resident size of the process</param>
internal sealed record CostPoint(string Series, int At, double X, double WallSeconds, double CpuSeconds, double PeakRssMib);
