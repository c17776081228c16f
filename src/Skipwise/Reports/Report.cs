namespace Skipwise.Reports;

/// <summary>The content of a report, independent of its rendering as HTML or Markdown.</summary>
/// <param name="Title">heading of the report</param>
/// <param name="Lead">the outcome in at most three sentences, which stand before everything else</param>
/// <param name="Sections">the sections; empty ones are omitted</param>
internal sealed record Report(string Title, IReadOnlyList<string> Lead, IReadOnlyList<ReportSection> Sections)
{
    /// <summary>the plot that shows the outcome, right after the lead; null: nothing was evaluated. No section repeats it</summary>
    public ReportBlock.Plot? Picture { get; init; }

    /// <summary>the JSON lines of the values; cells refer to them by number, from 1</summary>
    public IReadOnlyList<string> RawLines { get; init; } = [];
}
