namespace Skipwise.Reproduction;

/// <summary>A statement that an experiment judges.</summary>
/// <param name="Statement">the statement, in a sentence</param>
/// <param name="Paper">the paper's number for it; null: the statement goes beyond the paper</param>
/// <param name="Rule">when it holds, in terms of the numbers</param>
internal sealed record Claim(string Statement, string? Paper, string Rule);
