using Skipwise.Reports;

namespace Skipwise.Reproduction;

/// <summary>A table of measured numbers: mean and errors, a row per variant.</summary>
/// <param name="Caption">what the numbers are, without the number of seeds, which is added</param>
/// <param name="RowTitle">heading of the first column</param>
/// <param name="Columns">headings of the others: lengths</param>
/// <param name="Rows">the variants</param>
/// <param name="Unit">decides how numbers are written</param>
internal sealed record NumberTable(
    string Caption, string RowTitle, IReadOnlyList<string> Columns, IReadOnlyList<NumberRow> Rows, NumberUnit Unit)
{
    /// <summary>The caption with the number of seeds and the kind of error, if any seed decides the numbers.</summary>
    public string FullCaption()
    {
        int seeds = Rows.SelectMany(row => row.Cells).Select(cell => cell?.Seeds ?? 0).DefaultIfEmpty(0).Max();
        return seeds switch
        {
            0 when Rows.SelectMany(row => row.Cells).All(cell => cell?.SampleError is null) => Caption, // computed
            0 => $"{Caption}; ± is the standard error over {Samples}",
            1 => $"{Caption}; ONE seed: ± is the standard error over {Samples} alone",
            _ => $"{Caption}; mean ± standard error over {seeds} seeds",
        };
    }

    /// <summary>The table as a report's block.</summary>
    public ReportBlock.Table Block() => new(FullCaption(), [RowTitle, .. Columns],
        [.. Rows.Select(row => (IReadOnlyList<ReportCell>)[row.Name, .. row.Cells.Select(Cell)])]);

    /// <summary>The table as texts: header and rows.</summary>
    public IReadOnlyList<IReadOnlyList<string>> Texts() =>
        [[RowTitle, .. Columns], .. Rows.Select(row => (IReadOnlyList<string>)[row.Name, .. row.Cells.Select(Text)])];

    /// <summary>A number as the table writes it.</summary>
    public static string Number(double value, NumberUnit unit) => unit switch
    {
        NumberUnit.Perplexity => NumberFormat.Perplexity(value),
        NumberUnit.Fraction => NumberFormat.Fraction(value),
        _ => NumberFormat.Short(value),
    };

    private string Samples => Unit switch
    {
        NumberUnit.Perplexity => "documents",
        NumberUnit.Fraction => "trials",
        _ => "samples",
    };

    private ReportCell Cell(Estimate? cell) =>
        cell is null ? ReportCell.Empty : new ReportCell(Number(cell.Mean, Unit), cell.Error() is { } error ? $"± {Error(error)}" : "");

    private string Text(Estimate? cell) =>
        cell is null ? "" : $"{Number(cell.Mean, Unit)}{(cell.Error() is { } error ? $"±{Error(error)}" : "")}";

    private string Error(double error) => Unit == NumberUnit.Fraction ? NumberFormat.Fraction(error) : NumberFormat.Error(error);
}
