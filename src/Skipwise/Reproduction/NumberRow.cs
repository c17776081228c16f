namespace Skipwise.Reproduction;

/// <summary>A row of a table of measured numbers.</summary>
/// <param name="Name">the variant</param>
/// <param name="Cells">one per column; null: not measured</param>
internal sealed record NumberRow(string Name, IReadOnlyList<Estimate?> Cells);
