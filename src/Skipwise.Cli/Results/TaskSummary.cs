namespace Skipwise.Cli.Results;

/// <summary>A benchmark task.</summary>
/// <param name="Metrics">names of its metrics</param>
/// <param name="Split">the split whose questions are scored</param>
/// <param name="Shots">default number of few-shot examples</param>
/// <param name="Files">words of which one is in the path of the task's files</param>
internal sealed record TaskSummary(string Name, IReadOnlyList<string> Metrics, string Split, int Shots, IReadOnlyList<string> Files);
