namespace Skipwise.Reports;

/// <summary>The content of a report, independent of its rendering as HTML or Markdown.</summary>
/// <param name="Title">heading of the report</param>
/// <param name="Summary">the outcome in sentences</param>
/// <param name="Sections">the sections; empty ones are omitted</param>
internal sealed record Report(string Title, IReadOnlyList<string> Summary, IReadOnlyList<ReportSection> Sections)
{
    /// <summary>the JSON lines of the values; cells refer to them by number, from 1</summary>
    public IReadOnlyList<string> RawLines { get; init; } = [];
}
