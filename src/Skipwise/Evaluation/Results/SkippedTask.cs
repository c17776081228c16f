namespace Skipwise.Evaluation.Results;

/// <summary>Something that was not measured, and why.</summary>
/// <param name="Task">what</param>
/// <param name="Reason">what would have to be given</param>
public sealed record SkippedTask(string Task, string Reason);
