using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Skipwise.Tests.Server;

/// <summary>The page at /, in a browser, before the shipped model: a window of 1024 tokens, of 128 originally.</summary>
public sealed partial class WebPageTests(ServedTinyModel served, PageBrowser browser)
    : IClassFixture<ServedTinyModel>, IClassFixture<PageBrowser>
{
    private const string Question = "The keeper of the lighthouse";

    /// <summary>longer than the original window, and than a page of the engine's prefix cache</summary>
    private static readonly string s_document =
        string.Concat(Enumerable.Repeat("Tessa has a red lamp. Hugo lives in the harbour town. ", 20));

    [Fact]
    public async Task A_dropped_document_is_counted_against_both_windows()
    {
        await browser.VisitAsync(served.Address, async page =>
        {
            await Expect(page.Locator("#about")).ToHaveTextAsync("tiny: reads 1,024 tokens, 8 times its original window of 128");
            await DropAsync(page, "story.md", s_document);
            await Expect(page.Locator("#document")).ToHaveValueAsync(s_document);
            await Expect(page.Locator("#document-name")).ToHaveTextAsync("story.md");
            await Expect(page.Locator("#question")).ToBeFocusedAsync();
            int tokens = served.Model.Tokenizer.Encode(s_document).Length;
            await Expect(page.Locator("#document-tokens")).ToHaveTextAsync(tokens.ToString(CultureInfo.InvariantCulture));
            float bar = await WidthAsync(page, "#bar");
            Assert.Equal(tokens / 1024.0, await WidthAsync(page, "#bar-document") / bar, 0.01);
            Assert.Equal(256 / 1024.0, await WidthAsync(page, "#bar-answer") / bar, 0.01);
            LocatorBoundingBoxResult mark = (await page.Locator("#bar-original").BoundingBoxAsync())!;
            Assert.Equal(128 / 1024.0, (mark.X + (mark.Width / 2) - (await page.Locator("#bar").BoundingBoxAsync())!.X) / bar, 0.01);
            await page.FillAsync("#question", Question);
            string all = (await CountAsync(page)).ToString("N0");
            await Expect(page.Locator("#fit")).ToHaveTextAsync($"{all} of 1,024 tokens: it fits.");
            await page.ClickAsync("#remove");
            await Expect(page.Locator("#document-tokens")).ToHaveTextAsync("0");
        });
    }

    [Fact]
    public async Task Files_are_joined_and_of_JSON_Lines_the_texts_are_read()
    {
        await browser.VisitAsync(served.Address, async page =>
        {
            await page.SetInputFilesAsync("#file", new FilePayload[]
            {
                new() { Name = "a.txt", MimeType = "text/plain", Buffer = "\uFEFFone\r\ntwo"u8.ToArray() },
                new() { Name = "b.jsonl", MimeType = "", Buffer = "{\"text\":\"three\"}\n\n{\"id\":4,\"text\":\"fo\\nur\"}\n"u8.ToArray() },
            });
            await Expect(page.Locator("#document")).ToHaveValueAsync("one\ntwo\n\nthree\n\nfo\nur");
            await Expect(page.Locator("#document-name")).ToHaveTextAsync("a.txt, b.jsonl");
            await DropAsync(page, "c.jsonl", "{\"text\":\"a\"}\n{\"content\":\"b\"}");
            await Expect(page.Locator("#document-error")).ToContainTextAsync("c.jsonl, line 2: the field \"text\" is missing.");
            await DropAsync(page, "d.jsonl", "{\"text\":");
            await Expect(page.Locator("#document-error")).ToContainTextAsync("d.jsonl, line 1: this is not JSON.");
            await DropAsync(page, "e.pdf", "%PDF\0");
            await Expect(page.Locator("#document-error")).ToContainTextAsync("e.pdf is not a text file.");
            await Expect(page.Locator("#document")).ToHaveValueAsync("one\ntwo\n\nthree\n\nfo\nur"); // the one before stays
        });
    }

    [Fact]
    public async Task An_answer_streams_and_is_the_one_of_the_API()
    {
        string prompt = $"{s_document}\n\n{Question}";
        await browser.VisitAsync(served.Address, async page =>
        {
            await page.EvaluateAsync(
                """
                [window.steps, window.states] = [new Set(), []];
                new MutationObserver(() => {
                    steps.add(document.querySelector(".text").textContent.length);
                    states.push(document.querySelector(".state span").textContent);
                }).observe(document.getElementById("answers"), { childList: true, subtree: true });
                """);
            await AskAsync(page, s_document, Question);
            await EndAsync(page);
            (_, JsonObject expected) = await served.PostAsync("/v1/chat/completions", new JsonObject
            {
                ["messages"] = new JsonArray(new JsonObject { ["role"] = "user", ["content"] = prompt }),
                ["temperature"] = 0,
                ["max_tokens"] = 256,
            }.ToJsonString());
            string answer = (string)expected["choices"]![0]!["message"]!["content"]!;
            Assert.Equal(answer, await page.Locator(".text").TextContentAsync());
            Assert.InRange(await page.EvaluateAsync<int>("steps.size"), 3, 1000);
            int tokens = (int)expected["usage"]!["prompt_tokens"]!;
            Assert.Contains(await page.EvaluateAsync<string[]>("states"),
                state => state.StartsWith($"Read {tokens} of {tokens} tokens, ", StringComparison.Ordinal));
            string facts = (await page.Locator(".facts").TextContentAsync())!;
            Assert.Matches(Facts(), facts);
            Assert.Equal(tokens + 256, await CountAsync(page)); // as was said before
            Assert.Contains($"{expected["usage"]!["completion_tokens"]} tokens", facts, StringComparison.Ordinal);
            Assert.Contains($"prompt {tokens} tokens", facts, StringComparison.Ordinal);

            long before = served.Model.Engine.Statistics.CachedTokens;
            await AskAsync(page, null, "Hugo has a");
            await EndAsync(page);
            long cached = served.Model.Engine.Statistics.CachedTokens - before;
            Assert.InRange(cached, 256, tokens);
            await Expect(page.Locator(".facts").First).ToContainTextAsync($"{cached} of them read before");
            await Expect(page.Locator(".asked")).ToHaveTextAsync(["Hugo has a", Question]); // the newest first
            Assert.Equal(answer, await page.Locator(".text").Last.TextContentAsync());

            await page.Locator(".copy").Last.ClickAsync();
            await Expect(page.Locator(".copy").Last).ToHaveTextAsync("Copied");
            Assert.Equal(answer, await page.EvaluateAsync<string>("navigator.clipboard.readText()"));
        });
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Escape_or_the_button_stops_an_answer(bool byKey)
    {
        await browser.VisitAsync(served.Address, async page =>
        {
            await page.RouteAsync("**/v1/chat/completions", route =>
            {
                JsonObject body = JsonNode.Parse(route.Request.PostData!)!.AsObject();
                body["logit_bias"] = new JsonObject { ["2"] = -1000 }; // it does not end by itself
                return route.ContinueAsync(new() { PostData = System.Text.Encoding.UTF8.GetBytes(body.ToJsonString()) });
            });
            await page.FillAsync("#max-tokens", "1000");
            long before = served.Model.Engine.Statistics.GeneratedTokens;
            await AskAsync(page, null, Question);
            await Expect(page.Locator(".text")).Not.ToBeEmptyAsync();
            Assert.True(await page.Locator("#ask").IsHiddenAsync());
            await (byKey ? page.Keyboard.PressAsync("Escape") : page.ClickAsync("#stop"));
            await Expect(page.Locator(".facts")).ToContainTextAsync("stopped by you");
            await served.WhenIdleAsync();
            Assert.InRange(served.Model.Engine.Statistics.GeneratedTokens - before, 1, 999);
            await Expect(page.Locator("#ask")).ToBeEnabledAsync();
        });
    }

    [Fact]
    public async Task A_text_that_is_too_long_is_refused_with_numbers_before_it_is_sent()
    {
        string document = string.Concat(Enumerable.Repeat(s_document, 8));
        await browser.VisitAsync(served.Address, async page =>
        {
            bool sent = false;
            page.Request += (_, request) => sent |= request.Url.Contains("completions", StringComparison.Ordinal);
            await page.FillAsync("#document", document);
            await page.FillAsync("#question", Question);
            int all = await CountAsync(page);
            int prompt = all - 256;
            Assert.InRange(prompt, 1025, 10000);
            await Expect(page.Locator("#fit")).ToContainTextAsync($"Too long by {all - 1024:N0} tokens");
            await Expect(page.Locator("#fit")).ToContainTextAsync($"Shorten the document by at least {prompt - 1023:N0} tokens.");
            await Expect(page.Locator("#ask")).ToBeDisabledAsync();
            await page.Keyboard.PressAsync("Control+Enter");

            // an answer that is too long is another matter than a document
            await page.FillAsync("#document", s_document);
            prompt = await CountAsync(page) - 256;
            await page.FillAsync("#max-tokens", "2000");
            await Expect(page.Locator("#fit")).ToContainTextAsync($"Ask for at most {1024 - prompt:N0} answer tokens");
            await page.Keyboard.PressAsync("Control+Enter");
            await Expect(page.Locator("#ask")).ToBeDisabledAsync();
            Assert.False(sent);
            await page.FillAsync("#max-tokens", $"{1024 - prompt}");
            await Expect(page.Locator("#fit")).ToHaveTextAsync("1,024 of 1,024 tokens: it fits.");
            await Expect(page.Locator("#ask")).ToBeEnabledAsync();
        });
    }

    [Fact]
    public async Task A_base_model_behind_a_key_continues_the_text()
    {
        await using var locked = new ServedTinyModel(new() { ApiKey = "secret" }, new(), chats: false);
        await locked.InitializeAsync();
        locked.Http.DefaultRequestHeaders.Authorization = new("Bearer", "secret");
        await browser.VisitAsync(locked.Address, async page =>
        {
            await page.FillAsync("#key", "wrong");
            await page.Keyboard.PressAsync("Enter");
            await Expect(page.Locator("#about")).ToHaveTextAsync("Locked.");
            await page.FillAsync("#key", "secret");
            await page.Keyboard.PressAsync("Enter");
            await Expect(page.Locator("#key-form")).ToBeHiddenAsync();
            Assert.Contains("no chat template", await page.Locator("#question").GetAttributeAsync("placeholder"), StringComparison.Ordinal);
            await AskAsync(page, s_document, Question);
            await EndAsync(page);
            (_, JsonObject expected) = await locked.PostAsync("/v1/completions", new JsonObject
            {
                ["prompt"] = $"{s_document}\n\n{Question}",
                ["temperature"] = 0,
                ["max_tokens"] = 256,
            }.ToJsonString());
            Assert.Equal((string)expected["choices"]![0]!["text"]!, await page.Locator(".text").TextContentAsync());
            Assert.Equal((int)expected["usage"]!["prompt_tokens"]! + 256, await CountAsync(page));
            await page.ReloadAsync(); // the tab knows the key
            await Expect(page.Locator("#about")).ToContainTextAsync("1,024 tokens");
        }, errors: 2); // the browser reports both answers of 401
    }

    [Theory]
    [InlineData(ColorScheme.Light)]
    [InlineData(ColorScheme.Dark)]
    public async Task All_text_has_contrast_and_a_name_and_fits_a_phone(ColorScheme scheme)
    {
        await browser.VisitAsync(served.Address, async page =>
        {
            double[] page0 = await page.EvaluateAsync<double[]>($"({Contrast})(document.body)");
            Assert.Equal(scheme == ColorScheme.Dark, page0[1] < page0[2]); // the ground is darker than the text
            string word = new('x', 200);
            await DropAsync(page, word + ".txt", s_document);
            await AskAsync(page, null, word + Question);
            await EndAsync(page);
            await page.FillAsync("#max-tokens", "5000");
            await Expect(page.Locator("#fit")).ToContainTextAsync("Too long");
            await DropAsync(page, word + ".jsonl", "no");
            await Expect(page.Locator("#document-error")).Not.ToBeEmptyAsync();
            Assert.Equal(360, await page.EvaluateAsync<int>("document.documentElement.scrollWidth"));
            string[] weak = await page.EvaluateAsync<string[]>(
                $$"""
                [...document.querySelectorAll("h1,h2,p,span,label,output,textarea,input,select,button,.button,.text,kbd")]
                    .filter(element => element.checkVisibility() && !element.disabled && !element.closest(":disabled"))
                    .filter(element => ({{Contrast}})(element)[0] < 4.5).map(element => element.outerHTML)
                """);
            Assert.Empty(weak);
            foreach (ILocator control in await page.Locator("textarea, input, select, button").AllAsync())
            {
                if (await control.IsVisibleAsync())
                {
                    Assert.Matches("- (textbox|button|spinbutton|combobox) \".+\"", await control.AriaSnapshotAsync());
                }
            }
        }, new() { ColorScheme = scheme, ViewportSize = new() { Width = 360, Height = 720 } });
    }

    [Fact]
    public async Task The_keyboard_reaches_everything_and_shows_where_it_is()
    {
        await browser.VisitAsync(served.Address, async page =>
        {
            await page.FillAsync("#document", s_document);
            await page.FillAsync("#question", Question);
            await Expect(page.Locator("#ask")).ToBeEnabledAsync();
            await page.FocusAsync("#remove");
            foreach (string id in (string[])["file", "document", "question", "temperature", "max-tokens", "ask"])
            {
                await page.Keyboard.PressAsync("Tab");
                Assert.Equal(id, await page.EvaluateAsync<string>("document.activeElement.id"));
                Assert.True(await page.EvaluateAsync<bool>(
                    """
                    [document.activeElement, document.activeElement.labels?.[0]].some(element =>
                        element && getComputedStyle(element).outlineStyle === "solid"
                            && parseFloat(getComputedStyle(element).outlineWidth) >= 2)
                    """), id);
            }
        });
    }

    [Fact]
    public async Task The_page_is_only_got_and_its_policy_lets_nothing_else_in()
    {
        using HttpResponseMessage response = await served.Http.GetAsync(new Uri("/", UriKind.Relative));
        Assert.Equal("text/html", response.Content.Headers.ContentType!.MediaType);
        string[] policy = Assert.Single(response.Headers.GetValues("Content-Security-Policy")).Split("; ");
        Assert.Contains("default-src 'none'", policy);
        Assert.Contains("frame-ancestors 'none'", policy);
        Assert.All(policy, rule => Assert.Matches("^[a-z-]+ '(self|none)'$", rule));
        string html = await response.Content.ReadAsStringAsync();
        string[] files = [.. Asset().Matches(html).Select(file => file.Value)];
        Assert.Equal(3, files.Distinct().Count());
        foreach (string file in files)
        {
            Assert.Equal(HttpStatusCode.OK, (await served.Http.GetAsync(new Uri(file, UriKind.Relative))).StatusCode);
        }
        Assert.Equal(HttpStatusCode.NotFound, (await served.Http.PostAsync(new Uri("/", UriKind.Relative), null)).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await served.Http.GetAsync(new Uri("/assets/none.js", UriKind.Relative))).StatusCode);
        JsonNode model = JsonNode.Parse(await served.Http.GetStringAsync(new Uri("/v1/models/tiny", UriKind.Relative)))!;
        Assert.Equal((true, 128), ((bool)model["has_chat_template"]!, (int)model["original_max_model_len"]!));
    }

    /// <summary>[contrast of text and ground, luminance of the ground, luminance of the text], as WCAG defines them.</summary>
    private const string Contrast =
        """
        element => {
            const parts = color => color.match(/[\d.]+/g).map(Number);
            const light = color => parts(color).slice(0, 3).map(part => part / 255)
                .map(part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
                .reduce((sum, part, index) => sum + part * [0.2126, 0.7152, 0.0722][index], 0);
            let ground = element;
            while (parts(getComputedStyle(ground).backgroundColor)[3] === 0) ground = ground.parentElement;
            const [under, text] = [light(getComputedStyle(ground).backgroundColor), light(getComputedStyle(element).color)];
            return [(Math.max(under, text) + 0.05) / (Math.min(under, text) + 0.05), under, text];
        }
        """;

    private static async Task DropAsync(IPage page, string name, string content) => await page.EvaluateAsync(
        """
        ([name, content]) => {
            const dataTransfer = new DataTransfer();
            dataTransfer.items.add(new File([content], name));
            for (const kind of ["dragover", "drop"]) {
                document.body.dispatchEvent(new DragEvent(kind, { dataTransfer, bubbles: true, cancelable: true }));
            }
        }
        """, new[] { name, content });

    private static async Task AskAsync(IPage page, string? document, string question)
    {
        if (document is not null)
        {
            await page.FillAsync("#document", document);
        }
        await page.FillAsync("#question", question);
        await Expect(page.Locator("#ask")).ToBeEnabledAsync();
        await page.Keyboard.PressAsync("Control+Enter");
    }

    private static Task EndAsync(IPage page) => Expect(page.Locator("article").First).ToHaveAttributeAsync("aria-busy", "false");

    /// <summary>Waits for the count in progress: tokens of document, question and answer.</summary>
    private static async Task<int> CountAsync(IPage page)
    {
        await Expect(page.Locator("#fit")).ToHaveTextAsync(new Regex("fits|Too long"));
        string[] tokens = [.. await page.Locator("#document-tokens, #question-tokens, #answer-tokens").AllTextContentsAsync()];
        return tokens.Sum(count => int.Parse(count, NumberStyles.AllowThousands, CultureInfo.InvariantCulture));
    }

    private static async Task<float> WidthAsync(IPage page, string selector)
    {
        await page.EvaluateAsync("Promise.all(document.getAnimations().map(animation => animation.finished))");
        return (await page.Locator(selector).BoundingBoxAsync())!.Width;
    }

    [GeneratedRegex(@"^first token after \d+\.\d+ s · [\d.,]+ tokens/s · \d+ tokens.* · prompt \d+ tokens, \d+ of them read before")]
    private static partial Regex Facts();

    [GeneratedRegex("/assets/[a-z.]+")]
    private static partial Regex Asset();
}
