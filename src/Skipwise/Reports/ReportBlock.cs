using Skipwise.Reports.Plots;

namespace Skipwise.Reports;

/// <summary>A block of a section.</summary>
internal abstract record ReportBlock
{
    private ReportBlock() { }

    /// <summary>A paragraph.</summary>
    public sealed record Text(string Words) : ReportBlock;

    /// <summary>A bulleted list, one sentence or two for each bullet.</summary>
    public sealed record Items(IReadOnlyList<string> Words) : ReportBlock;

    /// <summary>A command or a file's content.</summary>
    public sealed record Code(string Words) : ReportBlock;

    /// <summary>A table; the first column is the header of the row.</summary>
    public sealed record Table(string Caption, IReadOnlyList<string> Header, IReadOnlyList<IReadOnlyList<ReportCell>> Rows) : ReportBlock;

    /// <summary>Tables that are shown side by side if they fit.</summary>
    public sealed record Columns(params IReadOnlyList<Table> Tables) : ReportBlock;

    /// <summary>A plot.</summary>
    /// <param name="Name">of its files, unique in the report</param>
    public sealed record Plot(Figure Figure, string Name, string Caption) : ReportBlock;

    /// <summary>Small plots under one caption, each with its heading.</summary>
    /// <param name="Name">of their files, before a number; unique in the report</param>
    public sealed record SmallPlots(IReadOnlyList<(string Heading, Figure Figure)> Plots, string Name, string Caption) : ReportBlock;
}
