using Microsoft.Playwright;

namespace Skipwise.Tests.Server;

/// <summary>A headless Chromium for the page, if this machine has one.</summary>
public sealed class PageBrowser : IAsyncLifetime
{
    private const float Patience = 60_000; // ms: the machine may be busy
    private IPlaywright? _playwright;
    private IBrowser? _browser;

    public async ValueTask InitializeAsync()
    {
        if (Find() is not { } chromium)
        {
            return;
        }
        _playwright = await Playwright.CreateAsync();
        _browser = await _playwright.Chromium.LaunchAsync(new()
        {
            ExecutablePath = chromium,
            Args = ["--no-sandbox"], // root's Chromium starts only without it; the pages are the project's own
            Timeout = Patience,
        });
        Assertions.SetDefaultExpectTimeout(Patience);
    }

    public async ValueTask DisposeAsync()
    {
        await (_browser?.DisposeAsync() ?? ValueTask.CompletedTask);
        _playwright?.Dispose();
    }

    /// <summary>Opens a server's page in a window of its own, and does something there. No request may leave the server, and the browser
    /// may report no error, such as a breach of the page's policy.</summary>
    internal async Task VisitAsync(Uri server, Func<IPage, Task> visit, BrowserNewContextOptions? options = null, int errors = 0)
    {
        Assert.SkipWhen(_browser is null, "there is no chromium on the PATH: Debian's package chromium has one");
        await using IBrowserContext context = await _browser.NewContextAsync(options);
        await context.GrantPermissionsAsync(["clipboard-read", "clipboard-write"]);
        context.SetDefaultTimeout(Patience);
        IPage page = await context.NewPageAsync();
        (List<Uri> requests, List<string> failures) = ([], []);
        context.Request += (_, request) => requests.Add(new Uri(request.Url));
        page.PageError += (_, error) => failures.Add(error);
        page.Console += (_, message) =>
        {
            if (message.Type is "error" or "warning")
            {
                failures.Add(message.Text);
            }
        };
        await page.GotoAsync(server.ToString());
        await visit(page);
        Assert.Equal(server.Authority, Assert.Single(requests.Select(request => request.Authority).Distinct()));
        Assert.True(failures.Count == errors, string.Join('\n', failures));
    }

    private static string? Find() => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
        .SelectMany(folder => (string[])[Path.Combine(folder, "chromium"), Path.Combine(folder, "chromium-browser")])
        .FirstOrDefault(File.Exists);
}
