namespace Skipwise.Reports.Comparing;

/// <summary>One value of every model, as text.</summary>
/// <param name="Name">the metric</param>
/// <param name="Cells">one per model; empty if it was not evaluated</param>
internal sealed record ComparisonRow(string Name, IReadOnlyList<string> Cells);
