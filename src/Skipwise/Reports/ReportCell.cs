namespace Skipwise.Reports;

/// <summary>A table's cell: a number or word, and in small print what qualifies it.</summary>
/// <param name="Value">the number or word; may be empty</param>
/// <param name="Qualifiers">one line each; empty ones are left out</param>
public sealed record ReportCell(string Value, params IReadOnlyList<string> Qualifiers)
{
    /// <summary>nothing was measured</summary>
    public static ReportCell Empty { get; } = new("");

    /// <summary>number of the raw line that the value comes from, from 1</summary>
    public int? RawLine { get; init; }

    /// <summary>the value is a verdict, good or bad</summary>
    public bool? Passed { get; init; }

    public static implicit operator ReportCell(string value) => new(value);
}
