using Skipwise.Reports.Plots;

namespace Skipwise.Reports;

/// <summary>The blocks that a report is built from, and the page around them: one file, no scripts, nothing fetched from anywhere.</summary>
public static class HtmlPage
{
    /// <summary>The whole document: style sheet, the plots' font, and the body.</summary>
    public static string Document(string title, Html body) => Html.Of($"""
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <title>{title}</title>
        <style>
        @font-face {"{"} font-family: "Skipwise Plot"; src: url(data:font/ttf;base64,{Html.Trusted(Convert.ToBase64String(Asset.Bytes(Asset.Font)))}) {"}"}
        {Html.Trusted(Asset.Text(Asset.StyleSheet))}</style>
        </head>
        <body>
        <main>
        {body}</main>
        </body>
        </html>

        """).ToString();

    /// <summary>A heading and what belongs to it.</summary>
    public static Html Section(string heading, params IEnumerable<Html> content) => Html.Of($"""
        <section>
        <h2>{heading}</h2>
        {Html.Join(content)}</section>

        """);

    public static Html Paragraph(string text) => Html.Of($"<p>{text}</p>\n");

    /// <summary>A plot with its caption: drawn once for a wide page and once for a phone; the style sheet shows the one that fits.</summary>
    public static Html Plot(Figure figure, string id, string caption) => Html.Of($"""
        <figure>
        <div class="wide">{Html.Trusted(figure.Svg(PlotLook.Wide, id + "-wide-"))}</div>
        <div class="narrow">{Html.Trusted(figure.Svg(PlotLook.Narrow, id + "-narrow-"))}</div>
        <figcaption>{caption}</figcaption>
        </figure>

        """);

    /// <summary>Several small plots side by side under one caption, each with its heading.</summary>
    public static Html SmallPlots(IEnumerable<(string Heading, Figure Figure)> plots, string id, string caption) => Html.Of($"""
        <figure>
        <div class="small-plots">
        {Html.Join(plots.Select((plot, i) => Html.Of($"<div><p>{plot.Heading}</p>{Html.Trusted(plot.Figure.Svg(PlotLook.Narrow, $"{id}-{i}-"))}</div>\n")))}</div>
        <figcaption>{caption}</figcaption>
        </figure>

        """);

    /// <summary>A table whose first column names the row. It scrolls sideways where the page is too narrow.</summary>
    public static Html Table(string caption, IReadOnlyList<string> header, IEnumerable<IReadOnlyList<Html>> rows) => Html.Of($"""
        <div class="table"><table>
        <caption>{caption}</caption>
        <thead><tr>{Html.Join(header.Select(cell => Html.Of($"<th scope=\"col\">{cell}</th>")))}</tr></thead>
        <tbody>
        {Html.Join(rows.Select(Row))}</tbody>
        </table></div>

        """);

    /// <summary>A number with what qualifies it beneath in small print, one line each.</summary>
    public static Html Cell(string value, params IEnumerable<string> qualifiers) =>
        Html.Of($"{value}{Html.Join(qualifiers.Where(q => q.Length > 0).Select(q => Html.Of($"<small>{q}</small>")))}");

    private static Html Row(IReadOnlyList<Html> cells) =>
        Html.Of($"<tr><th scope=\"row\">{cells[0]}</th>{Html.Join(cells.Skip(1).Select(cell => Html.Of($"<td>{cell}</td>")))}</tr>\n");
}
