namespace Skipwise.Reproduction;

/// <summary>A row of the paper's table.</summary>
/// <param name="Name">as in the paper</param>
/// <param name="Values">as printed; empty: none</param>
internal sealed record PaperRow(string Name, IReadOnlyList<string> Values);
