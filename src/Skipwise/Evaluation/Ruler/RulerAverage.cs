namespace Skipwise.Evaluation.Ruler;

/// <summary>The tasks' average at one length, in percent.</summary>
/// <param name="StandardError">from the tasks' standard errors; null if one is unknown</param>
/// <param name="Tasks">number of tasks; RULER's own average has 13</param>
/// <param name="Samples">element i is the average of the tasks' i-th trials; null if the tasks have different numbers of trials</param>
public sealed record RulerAverage(int Length, double Value, double? StandardError, int Tasks, IReadOnlyList<double>? Samples);
