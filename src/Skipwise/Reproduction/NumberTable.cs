using Skipwise.Reports;

namespace Skipwise.Reproduction;

/// <summary>A table of measured numbers: mean and errors, a row per variant.</summary>
/// <param name="Caption">what the numbers are; <see cref="FullCaption"/> adds the number of seeds</param>
/// <param name="RowTitle">heading of the first column</param>
/// <param name="Columns">headings of the others: lengths</param>
/// <param name="Rows">the variants</param>
/// <param name="Unit">decides how numbers are written</param>
/// <param name="Samples">what a number is a mean over besides seeds: "documents", "trials"; null: no number has an error over
/// samples</param>
internal sealed record NumberTable(
    string Caption, string RowTitle, IReadOnlyList<string> Columns, IReadOnlyList<NumberRow> Rows, NumberUnit Unit, string? Samples)
{
    /// <summary>The caption with what ± stands for: in rows that seeds decide the error over seeds, or with one seed that over samples; in
    /// other rows that over samples.</summary>
    public string FullCaption()
    {
        int seeds = Rows.Max(SeedsOf);
        string[] others = [.. Rows.Where(row => SeedsOf(row) == 0 && HasErrors(row)).Select(row => row.Name)];
        return seeds switch
        {
            0 when others.Length == 0 => Caption, // computed
            0 => $"{Caption}; ± is the standard error over {Samples}",
            1 => $"{Caption}; ONE seed: ± is the standard error over {Samples} alone",
            _ when others.Length == 0 => $"{Caption}; mean ± standard error over {seeds} seeds",
            _ => $"{Caption}; mean ± standard error over {seeds} seeds; {string.Join(", ", others)}: not trained, ± over {Samples}",
        };
    }

    /// <summary>The table as a report's block.</summary>
    public ReportBlock.Table Block() => new(FullCaption(), [RowTitle, .. Columns],
        [.. Rows.Select(row => (IReadOnlyList<ReportCell>)[row.Name, .. row.Cells.Select(Cell)])]);

    /// <summary>The table as texts: header and rows.</summary>
    public IReadOnlyList<IReadOnlyList<string>> Texts() =>
        [[RowTitle, .. Columns], .. Rows.Select(row => (IReadOnlyList<string>)[row.Name, .. row.Cells.Select(Text)])];

    private static int SeedsOf(NumberRow row) => row.Cells.Max(cell => cell?.Seeds ?? 0);

    private static bool HasErrors(NumberRow row) => row.Cells.Any(cell => cell?.SampleError is not null);

    private ReportCell Cell(Estimate? cell) => cell is null
        ? ReportCell.Empty
        : new ReportCell(NumberText.InTable(cell.Mean, Unit), cell.Error() is { } error ? $"± {NumberText.Error(error, Unit)}" : "");

    private string Text(Estimate? cell) => cell is null ? ""
        : $"{NumberText.InTable(cell.Mean, Unit)}{(cell.Error() is { } error ? $"±{NumberText.Error(error, Unit)}" : "")}";
}
