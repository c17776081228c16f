using System.Text.RegularExpressions;
using System.Xml.Linq;
using Skipwise.Evaluation.Results;
using Skipwise.Reports;
using Skipwise.Reports.Comparing;
using static Skipwise.Tests.Reports.Comparing.SampleComparison;

namespace Skipwise.Tests.Reports.Comparing;

public sealed class ComparisonReportTests
{
    private static readonly Report s_report = ComparisonReport.Build(SampleComparison.Of(new GateOptions { MinPasskey = 0.9 }));
    private static readonly string s_page = HtmlPage.Render(s_report);
    private static readonly string s_markdown = Markdown.Render(s_report, name => $"report-plots/{name}.svg", "report.jsonl");

    [Fact]
    public void The_page_is_well_formed_and_every_link_has_its_target()
    {
        XElement page = Parse(s_page);
        string[] ids = [.. page.Descendants().Attributes("id").Select(id => id.Value)];
        Assert.Equal(ids.Length, ids.Distinct().Count());
        string[] targets = [.. page.Descendants("a").Select(link => link.Attribute("href")!.Value)];
        Assert.NotEmpty(targets);
        Assert.All(targets, target => Assert.Contains(target[1..], ids));
    }

    [Fact]
    public void A_number_links_to_the_line_it_comes_from()
    {
        XElement page = Parse(s_page);
        XElement link = page.Descendants("a").Single(a => a.Value == "0.70");
        XElement line = page.Descendants("li").Single(li => $"#{li.Attribute("id")?.Value}" == link.Attribute("href")!.Value);
        Assert.Contains("\"task\":\"passkey\",\"metric\":\"accuracy\",\"length\":1024,\"value\":0.7", line.Value);
        int number = int.Parse(link.Attribute("href")!.Value["#line-".Length..]);
        Assert.Contains($"[0.70](report.jsonl#L{number})", s_markdown);
        Assert.Equal(s_report.RawLines[number - 1], line.Value);
    }

    [Fact]
    public void Every_measured_number_is_in_a_table()
    {
        Comparison comparison = Usual;
        int[] linked =
            [.. Parse(HtmlPage.Render(ComparisonReport.Build(comparison))).Descendants("a")
                .Select(a => int.Parse(a.Attribute("href")!.Value["#line-".Length..]))];
        Assert.All(comparison.Records.Where(record => record.Settings?["against"] is null),
            record => Assert.Contains(comparison.Line(record), linked));
    }

    [Fact]
    public void Losses_by_position_stand_by_their_part_and_their_model()
    {
        EvaluationRecord Loss(int from, int to, double value) =>
            Perplexity(256, value, 0.05) with { Metric = "loss", Positions = [from, to] };
        var comparison = new Comparison(Plan(Model("a", 128), Model("b", 256)),
            [[Loss(0, 127, 3.125), Loss(128, 255, 5.25)], [Loss(128, 255, 2.5), Loss(0, 127, 3.75)]]);
        var table = ComparisonReport.Build(comparison).Sections.SelectMany(section => section.Blocks).OfType<ReportBlock.Table>()
            .Single(table => table.Header[0] == "positions");
        Assert.Equal(["positions", "a", "b"], table.Header);
        Assert.Equal(["0–127 3.13 3.75", "128–255 5.25 2.50"], table.Rows.Select(row => string.Join(' ', row.Select(cell => cell.Value))));
    }

    [Fact]
    public void A_metric_that_the_report_does_not_know_is_shown_too()
    {
        EvaluationRecord unknown = Passkey(128, 50) with { Task = "echo", Metric = "bits", Value = 7.25 };
        string page = HtmlPage.Render(ComparisonReport.Build(new Comparison(Plan(Model("a", 128)), [[unknown]])));
        Assert.Contains("echo bits at 128", page);
        Assert.Contains(">7.25</a>", page);
    }

    [Fact]
    public void Page_and_markdown_say_the_same()
    {
        string[] headings = [.. Parse(s_page).Descendants("h2").Select(h => h.Value)];
        Assert.Equal(headings, Regex.Matches(s_markdown, "^## (.*)$", RegexOptions.Multiline).Select(m => m.Groups[1].Value));
        Assert.Contains("Gates", headings);
        Assert.DoesNotContain("Other measurements", headings);
        int inPage = Parse(s_page).Descendants("a").Count(), inMarkdown = Regex.Count(s_markdown, @"\]\(report\.jsonl#L\d+\)");
        Assert.Equal(inPage, inMarkdown);
        Shown.Equal("comparison-report", s_markdown);
    }

    [Fact]
    public void The_page_opens_with_the_retrieval_or_else_with_the_perplexity()
    {
        Assert.Equal("passkey", s_report.Picture!.Name);
        Report measuredOnText = ComparisonReport.Build(new Comparison(Plan(Model("a", 128)), [[Perplexity(128, 3, 0.1)]]));
        Assert.Equal("perplexity", measuredOnText.Picture!.Name);
        Assert.Single(Regex.Matches(Markdown.Render(measuredOnText, name => name, "r.jsonl"), @"!\["));
        Assert.Null(ComparisonReport.Build(new Comparison(Plan(Model("a", 128)), [[]])).Picture);
    }

    [Fact]
    public void Hostile_names_stay_text()
    {
        const string Evil = "<script>alert(1)</script>|`*[x](y)\n# z";
        var comparison =
            new Comparison(Plan(Model(Evil, 128), Model("b", 128)),
                [[Passkey(128, 50), Perplexity(128, 3, 0.1)], [Passkey(128, 50), Perplexity(128, 3, 0.1)]]);
        Report report = ComparisonReport.Build(comparison);
        Assert.DoesNotContain("<script", HtmlPage.Render(report));
        string markdown = Markdown.Render(report, name => name, "r.jsonl");
        Assert.DoesNotContain("<script", markdown);
        Assert.DoesNotContain("\n# z", markdown);
        Assert.Contains(@"\|\`\*\[x\](y) \# z", markdown);
    }

    [Theory]
    [InlineData("see http://a.b/c", @"see http\://a.b/c")]
    [InlineData("HTTPS://a.b", @"HTTPS\://a.b")]
    [InlineData("www.a.b", @"www\.a.b")]
    [InlineData("$x$ 1.5: yes", @"\$x\$ 1.5: yes")]
    public void A_name_becomes_no_link_and_no_formula(string name, string written) => Assert.Equal(written, Markdown.Escape(name));

    /// <summary>XML can write no control characters, and no half of a surrogate pair: plots hold names too.</summary>
    [Fact]
    public void Names_with_characters_that_no_page_can_hold_are_drawn()
    {
        string[] names = ["a\u0001\u001b[31m\ufffe\uffff\0", "b\ud83d\ude00 &#1; \ud800"];
        EvaluationRecord[] records = [Passkey(128, 50), Passkey(256, 40), Perplexity(128, 3, 0.1), Perplexity(256, 3, 0.1)];
        Report report = ComparisonReport.Build(new Comparison(Plan(Model(names[0], 128), Model(names[1], 128)), [records, records]));
        string page = HtmlPage.Render(report);
        MatchCollection plots = Regex.Matches(page, "<svg.*?</svg>", RegexOptions.Singleline);
        Assert.InRange(plots.Count, 2, 20);
        Assert.All(plots, plot => XDocument.Parse(plot.Value));
        using var folder = new TempFolder();
        ReportFiles.Write(folder["report.html"], report);
        Assert.All(Directory.GetFiles(folder["report-plots"], "*.svg"), file => XDocument.Load(file));
    }

    [Fact]
    public void The_files_are_all_there_and_stand_alone()
    {
        using var folder = new TempFolder();
        ReportFiles.Write(folder["report.html"], s_report);
        Assert.Equal(["report-plots", "report.html", "report.jsonl", "report.md", "report.skipwise.json"],
            Directory.EnumerateFileSystemEntries(folder.Path).Select(Path.GetFileName).Order());
        Assert.Equal(s_report.RawLines, File.ReadAllLines(folder["report.jsonl"]));
        string[] plots =
            [.. Regex.Matches(File.ReadAllText(folder["report.md"]), @"\]\((report-plots/[^)]+)\)").Select(m => m.Groups[1].Value)];
        Assert.True(plots.Length >= 5);
        foreach (string plot in plots)
        {
            XElement svg = XElement.Load(folder[plot]);
            Assert.Equal("svg", svg.Name.LocalName);
            Assert.DoesNotContain("currentColor", svg.ToString());
            Assert.DoesNotContain("#010203", svg.ToString());
            using var png = SkiaSharp.SKBitmap.Decode(folder[Path.ChangeExtension(plot, ".png")]);
            Assert.True(png.Width > 300);
        }
    }

    private static XElement Parse(string page) =>
        XElement.Parse(Regex.Replace(page, "<!DOCTYPE html>|<meta[^>]*>|<style>.*?</style>", "", RegexOptions.Singleline));
}
