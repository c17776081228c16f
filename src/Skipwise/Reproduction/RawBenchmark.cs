namespace Skipwise.Reproduction;

/// <summary>A raw line: one benchmark of one model.</summary>
/// <param name="Variant">name of the variant</param>
/// <param name="Model">its key in the cache</param>
/// <param name="Seed">null: not trained</param>
/// <param name="Task">name in the harness</param>
/// <param name="Metric">acc, acc_norm or mc2</param>
/// <param name="Questions">each question's score</param>
internal sealed record RawBenchmark(
    string Variant, string Model, ulong? Seed, string Task, string Metric, IReadOnlyList<double> Questions);
