using System.Diagnostics;
using System.Net;
using System.Text.Json;
using Skipwise.Reports;
using Skipwise.Reports.Comparing;
using Skipwise.Tests.Reports.Comparing;

namespace Skipwise.Tests.Reports;

/// <summary>The pages as a browser shows them. Runs where a Chromium is found: in the search path, or named by SKIPWISE_CHROMIUM.</summary>
public sealed class BrowserTests
{
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(3);
    private static readonly string[] s_names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

    // The page stands in frames of a phone's width, light and dark, and of a desk's; the script looks at it as a reader would and leaves
    // what it finds as text.
    private const string Probe = """
        window.onload = () => {
          const found = {};
          for (const frame of document.querySelectorAll('iframe')) {
            const page = frame.contentDocument, view = frame.contentWindow, width = page.documentElement.clientWidth;
            const isClipped = e => e.closest('.table') || e.closest('pre');
            const raw = page.querySelector('details');
            const link = page.querySelector('a[href^="#line-"]');
            const wasOpen = raw && raw.open;
            if (link) { view.location.hash = link.getAttribute('href'); }
            found[frame.id] = {
              overflowing: [...page.body.querySelectorAll('*')].filter(e => e.getBoundingClientRect().right > width + 1 && !isClipped(e)).map(e => e.tagName),
              scrolls: page.documentElement.scrollWidth > width,
              paper: view.getComputedStyle(page.body).backgroundColor,
              ink: view.getComputedStyle(page.querySelector('svg text[fill=currentColor]')).fill,
              plots: [...page.querySelectorAll('.wide, .narrow')].filter(e => e.getBoundingClientRect().height > 0).map(e => e.className),
              links: page.querySelectorAll('a').length,
              broken: [...page.querySelectorAll('a')].filter(a => !page.getElementById(a.getAttribute('href').slice(1))).length,
              unfolds: raw ? !wasOpen && raw.open : null,
            };
          }
          document.body.innerHTML = '<pre id="found"></pre>';
          document.getElementById('found').textContent = JSON.stringify(found);
        };
        """;

    public static TheoryData<string> Pages => ["comparison", "demo"];

    [Theory, MemberData(nameof(Pages))]
    public void A_page_fits_a_phone_has_a_dark_side_and_no_dead_link(string page)
    {
        string? chromium = Find();
        Assert.SkipWhen(chromium is null,
            $"no Chromium in the search path ({string.Join(", ", s_names)}) and none named by SKIPWISE_CHROMIUM");
        string html = page == "demo"
            ? HtmlPage.Render(DemoReport.Build(SampleDemo.PoseWins, SampleDemo.TrialsOf(SampleDemo.PoseWins), "skipwise train"))
            : HtmlPage.Render(ComparisonReport.Build(SampleComparison.Usual));
        using JsonDocument found = Look(chromium!, html);
        foreach (JsonProperty frame in found.RootElement.EnumerateObject())
        {
            JsonElement seen = frame.Value;
            Assert.Equal("[]", seen.GetProperty("overflowing").GetRawText());
            Assert.False(seen.GetProperty("scrolls").GetBoolean());
            Assert.Equal(0, seen.GetProperty("broken").GetInt32());
            (string paper, string ink) = frame.Name == "dark"
                ? ("rgb(22, 24, 28)", "rgb(230, 231, 234)")
                : ("rgb(255, 255, 255)", "rgb(28, 29, 33)");
            Assert.Equal((paper, ink), (seen.GetProperty("paper").GetString(), seen.GetProperty("ink").GetString()));
            Assert.Equal([frame.Name == "wide" ? "wide" : "narrow"],
                seen.GetProperty("plots").EnumerateArray().Select(plot => plot.GetString()).Distinct());
            Assert.Equal(page == "comparison", seen.GetProperty("links").GetInt32() > 0);
            Assert.Equal(page == "comparison" ? JsonValueKind.True : JsonValueKind.Null, seen.GetProperty("unfolds").ValueKind);
        }
        Assert.Equal(3, found.RootElement.EnumerateObject().Count());
    }

    private static JsonDocument Look(string chromium, string html)
    {
        using var folder = new TempFolder();
        string Frame(string id, int width, string scheme) =>
            $"<iframe id=\"{id}\" style=\"width:{width}px;height:800px;border:0;color-scheme:{scheme}\" " +
            $"srcdoc=\"{WebUtility.HtmlEncode(html)}\"></iframe>";
        folder.Write("probe.html",
            $"<!DOCTYPE html><meta charset=\"utf-8\"><html style=\"color-scheme:light " +
            $"dark\"><body>{Frame("phone", 360, "light")}{Frame("dark", 360, "dark")}{Frame("wide", 1000, "light")}<script>{Probe}</script></body></html>");
        // A browser on a crowded machine may stop answering as it starts: it gets a second chance.
        string page = new Uri(folder["probe.html"]).AbsoluteUri;
        string? dom = Dump(chromium, page, folder["profile-0"], s_limit) ?? Dump(chromium, page, folder["profile-1"], s_limit);
        if (dom is null)
        {
            Assert.SkipWhen(Dump(chromium, "about:blank", folder["profile-2"], TimeSpan.FromMinutes(1)) is null,
                $"{chromium} does not even show about:blank");
            throw new TimeoutException($"two browsers in a row did not end well within {s_limit.TotalMinutes} minutes each");
        }
        int begin = dom.LastIndexOf("<pre id=\"found\">", StringComparison.Ordinal),
            end = dom.IndexOf("</pre>", Math.Max(begin, 0), StringComparison.Ordinal);
        Assert.True(begin >= 0, "the page's script did not run");
        return JsonDocument.Parse(WebUtility.HtmlDecode(dom[(begin + "<pre id=\"found\">".Length)..end]));
    }

    /// <summary>The page after its script has run; null if the browser does not end, or not well.</summary>
    private static string? Dump(string chromium, string address, string profile, TimeSpan limit)
    {
        string[] arguments =
        [
            "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
            "--disable-component-update", "--disable-sync",
            "--disable-dev-shm-usage", $"--user-data-dir={profile}", "--dump-dom", address,
        ];
        return ChildProcess.TryRun(new ProcessStartInfo(chromium, arguments), limit) is (0, { } dom, _) ? dom : null;
    }

    private static string? Find() => Environment.GetEnvironmentVariable("SKIPWISE_CHROMIUM") is { Length: > 0 } named ? named
        : (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
        .SelectMany(folder => s_names.Select(name => Path.Combine(folder, name))).FirstOrDefault(File.Exists);
}
