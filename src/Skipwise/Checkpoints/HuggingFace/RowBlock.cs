namespace Skipwise.Checkpoints.HuggingFace;

/// <summary>A range of rows of a canonical parameter.</summary>
public readonly record struct RowBlock(string Canonical, long FirstRow, long Rows);
