namespace Skipwise.Reports.Comparing;

/// <summary>A number of every model, as text.</summary>
/// <param name="Name">what is measured</param>
/// <param name="Cells">one per model; empty where it was not measured</param>
public sealed record ComparisonRow(string Name, IReadOnlyList<string> Cells);
