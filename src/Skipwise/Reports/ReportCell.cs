namespace Skipwise.Reports;

/// <summary>A cell of a table: a value with qualifiers in small print.</summary>
/// <param name="Value">the number or word; may be empty</param>
/// <param name="Qualifiers">one line each; empty ones are omitted</param>
internal sealed record ReportCell(string Value, params IReadOnlyList<string> Qualifiers)
{
    /// <summary>a cell without a value</summary>
    public static ReportCell Empty { get; } = new("");

    /// <summary>number of the value's raw line, from 1</summary>
    public int? RawLine { get; init; }

    /// <summary>whether the value is a passed or failed verdict; null: no verdict</summary>
    public bool? Passed { get; init; }

    /// <summary>A cell without qualifiers.</summary>
    public static implicit operator ReportCell(string value) => new(value);
}
