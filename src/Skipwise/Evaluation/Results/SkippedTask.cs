namespace Skipwise.Evaluation.Results;

/// <summary>A task that was not evaluated, and why.</summary>
/// <param name="Task">its name</param>
/// <param name="Reason">the missing input</param>
internal sealed record SkippedTask(string Task, string Reason);
