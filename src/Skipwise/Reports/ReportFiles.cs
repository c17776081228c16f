using Skipwise.Reports.Plots;
using Skipwise.Storage;

namespace Skipwise.Reports;

/// <summary>Writes a report in every form: the page, the Markdown beside it, each plot as SVG and PNG, and the raw lines.</summary>
public static class ReportFiles
{
    /// <summary>For <c>out/report.html</c>: also <c>report.md</c>, <c>report.jsonl</c> and a folder <c>report-plots</c>.</summary>
    /// <exception cref="SkipwiseException">a file cannot be written</exception>
    public static void Write(string path, Report report)
    {
        string folder = Path.GetDirectoryName(Path.GetFullPath(path))!, stem = Path.GetFileNameWithoutExtension(path);
        string plots = $"{stem}-plots", raw = $"{stem}.jsonl";
        (string Name, Figure Figure)[] figures = [.. report.Sections.SelectMany(section => section.Blocks).SelectMany(Figures)];
        if (figures.Length > 0)
        {
            Make(Path.Combine(folder, plots));
            foreach ((string name, Figure figure) in figures)
            {
                AtomicFile.WriteText(Path.Combine(folder, plots, $"{name}.svg"), figure.SvgFile(PlotLook.Light));
                AtomicFile.Write(Path.Combine(folder, plots, $"{name}.png"), file => file.Write(figure.Png(PlotLook.Light)));
            }
        }
        else
        {
            Make(folder);
        }
        if (report.RawLines.Count > 0)
        {
            AtomicFile.WriteText(Path.Combine(folder, raw), string.Concat(report.RawLines.Select(line => line + "\n")));
        }
        AtomicFile.WriteText(Path.Combine(folder, $"{stem}.md"), Markdown.Render(report, name => $"{plots}/{name}.svg", raw));
        AtomicFile.WriteText(path, HtmlPage.Render(report));
    }

    private static IEnumerable<(string Name, Figure Figure)> Figures(ReportBlock block) => block switch
    {
        ReportBlock.Plot plot => [(plot.Name, plot.Figure)],
        ReportBlock.SmallPlots plots => plots.Plots.Select((plot, i) => ($"{plots.Name}-{i}", plot.Figure)),
        _ => [],
    };

    private static void Make(string folder)
    {
        try
        {
            Directory.CreateDirectory(folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new SkipwiseException($"{folder}: the folder cannot be made: {e.Message}. Choose another place", e);
        }
    }
}
