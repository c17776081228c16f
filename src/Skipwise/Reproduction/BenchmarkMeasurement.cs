namespace Skipwise.Reproduction;

/// <summary>One benchmark of one model.</summary>
/// <param name="Task">its name in the harness</param>
/// <param name="Metric">acc, acc_norm or mc2</param>
/// <param name="Questions">each question's score; their mean is the benchmark's</param>
internal sealed record BenchmarkMeasurement(string Task, string Metric, IReadOnlyList<double> Questions);
