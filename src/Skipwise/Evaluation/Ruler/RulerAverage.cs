namespace Skipwise.Evaluation.Ruler;

/// <summary>The tasks' average at one length, in percent.</summary>
/// <param name="StandardError">from the tasks' own; null where one is unknown</param>
/// <param name="Tasks">how many tasks it is over; RULER's own average has 13</param>
/// <param name="Samples">the average over the tasks of their first trials, of their second ones, ...; null where the tasks have different
/// numbers of trials</param>
public sealed record RulerAverage(int Length, double Value, double? StandardError, int Tasks, IReadOnlyList<double>? Samples);
