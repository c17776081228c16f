using Skipwise.Reports.Plots;

namespace Skipwise.Reports;

/// <summary>What a report says, apart from how it is shown: the HTML page and the Markdown file are two renderings of one of these.</summary>
/// <param name="Title">heading of the whole</param>
/// <param name="Summary">the outcome in sentences</param>
/// <param name="Sections">the rest; one without blocks is left out</param>
public sealed record Report(string Title, IReadOnlyList<string> Summary, IReadOnlyList<ReportSection> Sections)
{
    /// <summary>the JSON lines that the numbers come from; cells name them by number, from 1</summary>
    public IReadOnlyList<string> RawLines { get; init; } = [];
}

/// <summary>A heading and what belongs to it.</summary>
public sealed record ReportSection(string Heading, params IReadOnlyList<ReportBlock> Blocks);

/// <summary>A piece of a section.</summary>
public abstract record ReportBlock
{
    private ReportBlock() { }

    /// <summary>A paragraph.</summary>
    public sealed record Text(string Words) : ReportBlock;

    /// <summary>A command or a file's content.</summary>
    public sealed record Code(string Words) : ReportBlock;

    /// <summary>A table whose first column names the row.</summary>
    public sealed record Table(string Caption, IReadOnlyList<string> Header, IReadOnlyList<IReadOnlyList<ReportCell>> Rows) : ReportBlock;

    /// <summary>Tables that stand side by side where there is room.</summary>
    public sealed record Columns(params IReadOnlyList<Table> Tables) : ReportBlock;

    /// <summary>A plot.</summary>
    /// <param name="Name">of its files, unique in the report</param>
    public sealed record Plot(Figure Figure, string Name, string Caption) : ReportBlock;

    /// <summary>Small plots under one caption, each with its heading.</summary>
    /// <param name="Name">of their files, before a number; unique in the report</param>
    public sealed record SmallPlots(IReadOnlyList<(string Heading, Figure Figure)> Plots, string Name, string Caption) : ReportBlock;
}

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
    public bool? Met { get; init; }

    public static implicit operator ReportCell(string value) => new(value);
}
