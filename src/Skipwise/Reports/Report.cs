namespace Skipwise.Reports;

/// <summary>What a report says, apart from how it is shown: the HTML page and the Markdown file are two renderings of one of
/// these.</summary>
/// <param name="Title">heading of the whole</param>
/// <param name="Summary">the outcome in sentences</param>
/// <param name="Sections">the rest; one without blocks is left out</param>
public sealed record Report(string Title, IReadOnlyList<string> Summary, IReadOnlyList<ReportSection> Sections)
{
    /// <summary>the JSON lines that the numbers come from; cells name them by number, from 1</summary>
    public IReadOnlyList<string> RawLines { get; init; } = [];
}
