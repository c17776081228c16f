using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Skipwise.Reports;

/// <summary>Renders a report as Markdown (CommonMark with tables). Plots and raw lines are separate files.</summary>
internal static partial class Markdown
{
    /// <summary>Renders a report.</summary>
    /// <param name="report">the report</param>
    /// <param name="plotFile">the path of a plot's picture, from its name</param>
    /// <param name="rawFile">the path of the file that holds the raw lines</param>
    public static string Render(Report report, Func<string, string> plotFile, string rawFile)
    {
        var text = new StringBuilder($"# {Escape(report.Title)}\n\n{Escape(string.Join(" ", report.Lead))}\n\n");
        if (report.Picture is { } picture)
        {
            text.Append(Block(picture, plotFile, rawFile));
        }
        foreach (ReportSection section in report.Sections.Where(section => section.Blocks.Count > 0))
        {
            text.Append(CultureInfo.InvariantCulture, $"## {Escape(section.Heading)}\n\n");
            foreach (ReportBlock block in section.Blocks)
            {
                text.Append(Block(block, plotFile, rawFile));
            }
        }
        if (report.RawLines.Count > 0)
        {
            text.Append(CultureInfo.InvariantCulture,
                $"## Raw records\n\nEvery number links to its line in [{Escape(rawFile)}]({Target(rawFile)}).\n");
        }
        return text.ToString().TrimEnd('\n') + "\n";
    }

    /// <summary>Escapes text that Markdown or HTML would read as markup, and replaces line ends by spaces.</summary>
    internal static string Escape(string text) => Special().Replace(text.ReplaceLineEndings(" "), match => match.Value switch
    {
        "<" => "&lt;",
        ">" => "&gt;",
        "&" => "&amp;",
        _ => $"\\{match.Value}",
    });

    private static string Block(ReportBlock block, Func<string, string> plotFile, string rawFile) => block switch
    {
        ReportBlock.Text text => $"{Escape(text.Words)}\n\n",
        ReportBlock.Items items => string.Concat(items.Words.Select(words => $"* {Escape(words)}\n")) + "\n",
        ReportBlock.Code code => Code(code.Words),
        ReportBlock.Table table => Table(table, rawFile),
        ReportBlock.Columns columns => string.Concat(columns.Tables.Select(table => Table(table, rawFile))),
        ReportBlock.Plot plot => $"![{Escape(plot.Figure.Title)}]({Target(plotFile(plot.Name))})\n\n{Escape(plot.Caption)}\n\n",
        ReportBlock.SmallPlots plots =>
            string.Concat(plots.Plots.Select((plot, i) => $"![{Escape(plot.Figure.Title)}]({Target(plotFile($"{plots.Name}-{i}"))})\n\n")) +
            $"{Escape(plots.Caption)}\n\n",
        _ => throw new ArgumentOutOfRangeException(nameof(block)),
    };

    private static string Code(string words)
    {
        // The fence is longer than any in the text.
        string fence = new('`', Math.Max(3, Backticks().Matches(words).Select(match => match.Length + 1).DefaultIfEmpty(0).Max()));
        return $"{fence}\n{words}\n{fence}\n\n";
    }

    private static string Table(ReportBlock.Table table, string rawFile)
    {
        var text = new StringBuilder();
        if (table.Caption.Length > 0)
        {
            text.Append(CultureInfo.InvariantCulture, $"{Escape(table.Caption)}\n\n");
        }
        text.Append(Row(table.Header.Select(Escape)));
        text.Append(Row(table.Header.Select((_, i) => i == 0 ? "---" : "---:")));
        foreach (IReadOnlyList<ReportCell> row in table.Rows)
        {
            text.Append(Row(row.Select(cell => Cell(cell, rawFile))));
        }
        return text.Append('\n').ToString();
    }

    private static string Row(IEnumerable<string> cells) => $"| {string.Join(" | ", cells)} |\n";

    private static string Cell(ReportCell cell, string rawFile)
    {
        string value = cell.Passed is null || cell.Value.Length == 0 ? Escape(cell.Value) : $"**{Escape(cell.Value)}**";
        string linked = cell.RawLine is { } line ? $"[{value}]({Target(rawFile)}#L{line})" : value;
        string[] qualifiers = [.. cell.Qualifiers.Where(q => q.Length > 0).Select(Escape)];
        return qualifiers.Length == 0 ? linked : $"{linked} ({string.Join("; ", qualifiers)})";
    }

    private static string Target(string path) => string.Join('/', path.Split('/').Select(Uri.EscapeDataString));

    [GeneratedRegex(@"[\\`*_{}\[\]<>&|#~$]|(?<=https?):|(?<=ftp):|(?<=www)\.", RegexOptions.IgnoreCase)]
    private static partial Regex Special();

    [GeneratedRegex("`+")]
    private static partial Regex Backticks();
}
