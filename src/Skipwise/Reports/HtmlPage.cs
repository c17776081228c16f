using Skipwise.Reports.Plots;

namespace Skipwise.Reports;

/// <summary>Renders a report as one HTML file for screen, phone and paper, without scripts or external resources.</summary>
internal static class HtmlPage
{
    private static readonly Html s_font = Html.Trusted(Convert.ToBase64String(Asset.Bytes(Asset.Font)));

    /// <summary>The whole document: style sheet, the plots' font, and the body.</summary>
    public static string Render(Report report) => Html.Of($"""
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <title>{report.Title}</title>
        <style>
        @font-face {"{"} font-family: "Skipwise Plot"; src: url(data:font/ttf;base64,{s_font}) {"}"}
        {Html.Trusted(Asset.Text(Asset.StyleSheet))}</style>
        </head>
        <body>
        <main>
        <header>
        <h1>{report.Title}</h1>
        <div class="lead">
        {Html.Join(report.Lead.Select(sentence => Html.Of($"<p>{sentence}</p>\n")))}</div>
        {(report.Picture is { } picture ? Plot(picture) : Html.Empty)}</header>
        {Html.Join(report.Sections.Where(section => section.Blocks.Count > 0).Select(Section))}{RawLines(report.RawLines)}</main>
        </body>
        </html>

        """).ToString();

    /// <summary>The anchor of a raw line in the page.</summary>
    /// <param name="number">from 1</param>
    internal static string Anchor(int number) => $"line-{number}";

    private static Html Section(ReportSection section) => Html.Of($"""
        <section>
        <h2>{section.Heading}</h2>
        {Html.Join(section.Blocks.Select(Block))}</section>

        """);

    private static Html Block(ReportBlock block) => block switch
    {
        ReportBlock.Text text => Html.Of($"<p>{text.Words}</p>\n"),
        ReportBlock.Items items =>
            Html.Of($"<ul>\n{Html.Join(items.Words.Select(words => Html.Of($"<li>{words}</li>\n")))}</ul>\n"),
        ReportBlock.Code code => Html.Of($"<pre><code>{code.Words}</code></pre>\n"),
        ReportBlock.Table table => Table(table),
        ReportBlock.Columns columns => Html.Of($"<div class=\"columns\">\n{Html.Join(columns.Tables.Select(Table))}</div>\n"),
        ReportBlock.Plot plot => Plot(plot),
        ReportBlock.SmallPlots plots => SmallPlots(plots),
        _ => throw new ArgumentOutOfRangeException(nameof(block)),
    };

    /// <summary>A plot, drawn once for a wide page and once for a phone; the style sheet shows the one that fits.</summary>
    private static Html Plot(ReportBlock.Plot plot) => Html.Of($"""
        <figure>
        <div class="wide">{Html.Trusted(plot.Figure.Svg(PlotLook.Wide, plot.Name + "-wide-"))}</div>
        <div class="narrow">{Html.Trusted(plot.Figure.Svg(PlotLook.Narrow, plot.Name + "-narrow-"))}</div>
        <figcaption>{plot.Caption}</figcaption>
        </figure>

        """);

    private static Html SmallPlots(ReportBlock.SmallPlots plots) => Html.Of($"""
        <figure>
        <div class="small-plots">
        {Html.Join(plots.Plots.Select((plot, i) =>
            Html.Of($"<div><p>{plot.Heading}</p>{Html.Trusted(plot.Figure.Svg(PlotLook.Narrow, $"{plots.Name}-{i}-"))}</div>\n")))}</div>
        <figcaption>{plots.Caption}</figcaption>
        </figure>

        """);

    /// <summary>A table, which scrolls horizontally if the page is too narrow.</summary>
    private static Html Table(ReportBlock.Table table) => Html.Of($"""
        <div class="table"><table>
        <caption>{table.Caption}</caption>
        <thead><tr>{Html.Join(table.Header.Select(cell => Html.Of($"<th scope=\"col\">{cell}</th>")))}</tr></thead>
        <tbody>
        {Html.Join(table.Rows.Select(Row))}</tbody>
        </table></div>

        """);

    private static Html Row(IReadOnlyList<ReportCell> cells)
    {
        Html others = Html.Join(cells.Skip(1).Select(cell => Html.Of($"<td{Class(cell)}>{Cell(cell)}</td>")));
        return Html.Of($"<tr><th scope=\"row\"{Class(cells[0])}>{Cell(cells[0])}</th>{others}</tr>\n");
    }

    /// <summary>The attribute of a value that is so short that a line end within it would hinder reading: a name, a number with its
    /// sign.</summary>
    private static Html Class(ReportCell cell) =>
        cell.Value.Length <= 12 && cell.Value.AsSpan().IndexOfAny(' ', '-') >= 0 ? Html.Of($" class=\"whole\"") : Html.Empty;

    private static Html Cell(ReportCell cell)
    {
        Html value = cell.Passed is { } met
            ? Html.Of($"<strong class=\"{(met ? "met" : "missed")}\">{cell.Value}</strong>")
            : Html.Of($"{cell.Value}");
        Html linked = cell.RawLine is { } line ? Html.Of($"<a href=\"#{Anchor(line)}\">{value}</a>") : value;
        return Html.Of($"{linked}{Html.Join(cell.Qualifiers.Where(q => q.Length > 0).Select(q => Html.Of($"<small>{q}</small>")))}");
    }

    /// <summary>The collapsed list of raw lines; a link into it expands it.</summary>
    private static Html RawLines(IReadOnlyList<string> lines) => lines.Count == 0 ? Html.Empty : Html.Of($"""
        <section class="raw">
        <h2>Raw records</h2>
        <details>
        <summary>{lines.Count} JSON lines, one for every number above</summary>
        <ol>
        {Html.Join(lines.Select((line, i) => Html.Of($"<li id=\"{Anchor(i + 1)}\"><code>{line}</code></li>\n")))}</ol>
        </details>
        </section>

        """);
}
