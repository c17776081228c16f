using Skipwise.Reports;

namespace Skipwise.Reproduction;

/// <summary>Numbers of the paper, as it prints them.</summary>
/// <param name="Caption">where they stand in the paper</param>
/// <param name="Columns">headings, the first that of the names</param>
/// <param name="Rows">the rows</param>
internal sealed record PaperTable(string Caption, IReadOnlyList<string> Columns, IReadOnlyList<PaperRow> Rows)
{
    /// <summary>Reads a table that is written with | between its cells, the header first, a row per line.</summary>
    public static PaperTable Parse(string caption, string text)
    {
        string[][] lines = [.. text.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => line.Split('|', StringSplitOptions.TrimEntries))];
        return new(caption, lines[0], [.. lines.Skip(1).Select(line => new PaperRow(line[0], line[1..]))]);
    }

    /// <summary>The table as a report's block.</summary>
    public ReportBlock.Table Block() => new(Caption, Columns,
        [.. Rows.Select(row => (IReadOnlyList<ReportCell>)[row.Name, .. row.Values.Select(value => (ReportCell)value)])]);
}
