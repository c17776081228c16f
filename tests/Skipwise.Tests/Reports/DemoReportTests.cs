using System.Text.RegularExpressions;
using System.Xml.Linq;
using Skipwise.Reports;

namespace Skipwise.Tests.Reports;

public sealed class DemoReportTests
{
    private const string Command = "skipwise train --model m --data d --target-length 16384 --out o";
    private static readonly string s_page =
        HtmlPage.Render(DemoReport.Build(SampleDemo.PoseWins, SampleDemo.TrialsOf(SampleDemo.PoseWins), Command));

    [Fact]
    public void The_page_fetches_nothing_and_runs_nothing()
    {
        // the name of a vocabulary, not an address
        string rest = s_page.Replace("http://www.w3.org/2000/svg", "", StringComparison.Ordinal);
        Assert.DoesNotMatch("https?:|//[a-z]|@import|<link|<script|<iframe|<img|javascript:",
            Regex.Replace(rest, "base64,[A-Za-z0-9+/=]+", ""));
        Assert.All(Regex.Matches(s_page, @"url\(([^)]*)\)").Select(m => m.Groups[1].Value),
            target => Assert.Matches("^(#|data:font/ttf;base64,)", target));
    }

    [Fact]
    public void A_browser_is_told_to_fetch_nothing_and_to_run_nothing() =>
        Assert.Matches("(?s)<head>.*http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; " +
            "style-src 'unsafe-inline'; img-src data:; font-src data:\">.*<style>", s_page);

    [Fact]
    public void The_page_says_this() =>
        Shown.Equal("demo-report", Markdown.Render(DemoReport.Build(SampleDemo.PoseWins, SampleDemo.TrialsOf(SampleDemo.PoseWins), Command),
            plot => $"{plot}.svg", "results.json"));

    [Fact]
    public void Every_opened_element_is_closed()
    {
        string body = Regex.Replace(s_page, "<!DOCTYPE html>|<meta[^>]*>|<style>.*?</style>", "", RegexOptions.Singleline);
        var page = XElement.Parse(body); // the page is written so that it is XML too
        Assert.Equal(7, page.Descendants("section").Count());
        Assert.Equal(4 + 4 + 4, page.Descendants().Count(e => e.Name.LocalName == "svg")); // four plots in two sizes, four depth maps
        string[] ids = [.. page.Descendants().Attributes("id").Select(a => a.Value)];
        Assert.Equal(ids.Length, ids.Distinct().Count());
    }

    [Fact]
    public void The_page_opens_with_three_sentences_and_the_picture_and_the_rest_follows_the_criteria()
    {
        string[] order =
        [
            "<h1>", "The base model finds", "After PoSE the model finds", "The control, fine-tuned alike", "<figure>", "<section>",
            "Success criteria", "In words", "skipwise-demo-3m has a window", "Passkey retrieval</h2>",
        ];
        string body = s_page[s_page.IndexOf("<h1>", StringComparison.Ordinal)..];
        int[] places = [.. order.Select(part => body.IndexOf(part, StringComparison.Ordinal))];
        Assert.DoesNotContain(-1, places);
        Assert.Equal(places.Order(), places);
    }

    [Fact]
    public void Hostile_text_stays_text()
    {
        const string Evil = "<script>alert(\"1\")</script>&'";
        DemoResults results = SampleDemo.PoseWins with
        {
            Model = Evil,
            Rope = Evil,
            Settings = new Dictionary<string, string> { [Evil] = Evil },
            Seconds = new Dictionary<string, double> { [Evil] = 1 },
            Bars = [new(Evil, Evil, 1, false)],
            Passkey = [new(Evil, 256, 1, 5)],
            Perplexity = [new(Evil, 256, 3, 0.1, 5)],
            Training = new Dictionary<string, IReadOnlyList<TrainingPoint>> { [Evil] = [new(1, 2, 3), new(2, 2, 3)] },
        };
        string page = HtmlPage.Render(DemoReport.Build(results, [new(Evil, 256, 0.5, Evil, Evil, true)], Evil));
        Assert.DoesNotContain("<script", page);
        Assert.True(Regex.Count(page, "&lt;script&gt;") >= 12);
    }

    [Fact]
    public void A_run_with_little_measured_makes_a_page_without_empty_sections()
    {
        var results =
            new DemoResults
            {
                TrainLength = 128,
                TargetLength = 1024,
                Perplexity = [],
                Passkey = [],
                Seconds = new Dictionary<string, double> { ["load"] = 1 }
            };
        string page = HtmlPage.Render(DemoReport.Build(results, [], Command));
        Assert.DoesNotContain("<svg", page);
        Assert.Equal(3, Regex.Count(page, "<section>")); // in words, the run, your own model
    }
}
