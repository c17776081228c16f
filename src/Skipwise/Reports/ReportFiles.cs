using System.Text;
using Skipwise.Reports.Plots;
using Skipwise.Storage;

namespace Skipwise.Reports;

/// <summary>Writes a report in all formats: HTML, Markdown, each plot as SVG and PNG, and the raw lines.</summary>
internal static class ReportFiles
{
    /// <summary>
    /// Writes the files. For <c>out/report.html</c> also <c>report.md</c>, <c>report.jsonl</c>, a folder <c>report-plots</c>, and
    /// <c>report.skipwise.json</c>, which lists them. Other files are not replaced.
    /// </summary>
    /// <exception cref="SkipwiseException">a file cannot be written, or exists and is not a report's</exception>
    public static void Write(string path, Report report)
    {
        string stem = Path.GetFileNameWithoutExtension(path), plots = $"{stem}-plots", raw = $"{stem}.jsonl";
        List<(string Name, byte[] Content)> files = [];
        foreach ((string name, Figure figure) in Blocks(report).SelectMany(Figures))
        {
            files.Add(($"{plots}/{name}.svg", Encoding.UTF8.GetBytes(figure.SvgFile(PlotLook.Light))));
            files.Add(($"{plots}/{name}.png", figure.Png(PlotLook.Light)));
        }
        if (report.RawLines.Count > 0)
        {
            files.Add((raw, Encoding.UTF8.GetBytes(string.Concat(report.RawLines.Select(line => line + "\n")))));
        }
        files.Add(($"{stem}.md", Encoding.UTF8.GetBytes(Markdown.Render(report, name => $"{plots}/{name}.svg", raw))));
        files.Add((Path.GetFileName(path), Encoding.UTF8.GetBytes(HtmlPage.Render(report))));
        ListOf(path).Write(files);
    }

    /// <summary>Checks before long work that its report can be written there.</summary>
    /// <exception cref="SkipwiseException">a file exists and is not a report's</exception>
    public static void RequireReplaceable(string path)
    {
        string stem = Path.GetFileNameWithoutExtension(path);
        ListOf(path).RequireReplaceable([Path.GetFileName(path), $"{stem}.md", $"{stem}.jsonl"]);
    }

    private static OwnedFiles ListOf(string path) =>
        new(Path.Combine(Path.GetDirectoryName(Path.GetFullPath(path))!, Path.GetFileNameWithoutExtension(path) + OwnedFiles.Ending));

    private static IEnumerable<ReportBlock> Blocks(Report report) =>
        [.. report.Picture is { } picture ? [picture] : (ReportBlock[])[], .. report.Sections.SelectMany(section => section.Blocks)];

    private static IEnumerable<(string Name, Figure Figure)> Figures(ReportBlock block) => block switch
    {
        ReportBlock.Plot plot => [(plot.Name, plot.Figure)],
        ReportBlock.SmallPlots plots => plots.Plots.Select((plot, i) => ($"{plots.Name}-{i}", plot.Figure)),
        _ => [],
    };
}
