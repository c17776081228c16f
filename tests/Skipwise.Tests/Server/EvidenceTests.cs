using System.Net;
using System.Text.Json.Nodes;
using Microsoft.Playwright;
using Skipwise.Evaluation.Passkey;
using Skipwise.Models;
using Skipwise.Models.Lora;
using Skipwise.Server;
using Skipwise.Serving;
using Skipwise.Synthetic;
using static Microsoft.Playwright.Assertions;

namespace Skipwise.Tests.Server;

/// <summary>Where the answer stood, by the API and on the page: of the shipped model in its own window, where it finds passkeys.</summary>
public sealed class EvidenceTests : IAsyncLifetime, IClassFixture<PageBrowser>
{
    private readonly PageBrowser _browser;
    private readonly ServedTinyModel _served = new(new(), new(), chats: false, factor: 1);

    public EvidenceTests(PageBrowser browser) => _browser = browser;

    public ValueTask InitializeAsync() => _served.InitializeAsync();

    public ValueTask DisposeAsync() => _served.DisposeAsync();

    [Theory]
    [InlineData(0.0), InlineData(0.4), InlineData(1.0)]
    public async Task An_answer_has_the_place_of_the_key(double depth)
    {
        PasskeyPrompt passkey = PasskeyPrompt.Compose(_served.Model.Tokenizer, 128, depth, 40713, 8);
        string text = PasskeyText.KeyLine(40713);
        JsonObject request = Request(passkey.Text);
        (int status, JsonObject body) = await _served.PostAsync("/v1/completions", request.ToJsonString());
        Assert.Equal(200, status);
        JsonNode choice = body["choices"]![0]!;
        Assert.StartsWith(" 40713", (string)choice["text"]!, StringComparison.Ordinal);
        JsonNode place = choice["evidence"]![0]!;
        Assert.InRange((double)place["score"]!, 0.2, 1);
        Assert.Contains("40713", (string)place["text"]!, StringComparison.Ordinal);
        int offset = (int)place["text_offset"]!, line = passkey.Text.IndexOf(text, StringComparison.Ordinal);
        Assert.InRange(offset, line, line + text.Length);
        Assert.Equal((string)place["text"]!, passkey.Text.Substring(offset, ((string)place["text"]!).Length));
        (int start, int end) = ((int)place["start"]!, (int)place["end"]!);
        Assert.Equal((string)place["text"]!, _served.Model.Tokenizer.Decode([.. passkey.InputIds.Take(start..end)]));

        request["stream"] = true;
        using var content = new StringContent(request.ToJsonString(), System.Text.Encoding.UTF8, "application/json");
        using HttpResponseMessage response = await _served.Http.PostAsync(new Uri("/v1/completions", UriKind.Relative), content);
        JsonNode[] chunks = [.. (await response.Content.ReadAsStringAsync()).Split("\n\n")
            .Where(part => part.StartsWith("data: {", StringComparison.Ordinal))
            .Select(part => JsonNode.Parse(part[6..])!["choices"]![0]!)];
        Assert.Equal(choice["evidence"]!.ToJsonString(), chunks[^1]["evidence"]!.ToJsonString());
        Assert.All(chunks[..^1], chunk => Assert.Null(chunk["evidence"]));
    }

    [Fact]
    public async Task A_document_without_the_key_has_no_evidence_and_none_is_told_unasked()
    {
        PasskeyPrompt passkey = PasskeyPrompt.Compose(_served.Model.Tokenizer, 128, 0.4, 40713, 8);
        JsonObject request = Request(passkey.Text.Replace(PasskeyText.KeyLine(40713) + "\n", "", StringComparison.Ordinal));
        (_, JsonObject body) = await _served.PostAsync("/v1/completions", request.ToJsonString());
        Assert.Empty(body["choices"]![0]!["evidence"]!.AsArray());
        request.Remove("evidence");
        (_, body) = await _served.PostAsync("/v1/completions", request.ToJsonString());
        Assert.False(body["choices"]![0]!.AsObject().ContainsKey("evidence"));
        request["evidence"] = "yes";
        Assert.Equal(400, (await _served.PostAsync("/v1/completions", request.ToJsonString())).Status);
    }

    [Fact]
    public async Task A_model_that_libtorch_decodes_refuses_it_and_says_so_before()
    {
        CausalLM odd = TinyModel.Create(vocabulary: 1024, change: config => config with { HiddenSize = 24 });
        LoraInjector.Projections(odd).First().Projection.Quantize(4); // rows that the decoder's vectors do not divide
        using TextModel model = new("odd", odd, _served.Model.Tokenizer, null, odd);
        await using InferenceServer server = await InferenceServer.StartAsync([model], new() { Port = 0 });
        using var http = new HttpClient { BaseAddress = server.Address };
        Assert.False((bool)JsonNode.Parse(await http.GetStringAsync(new Uri("/v1/models/odd", UriKind.Relative)))!["has_evidence"]!);
        Assert.True((bool)JsonNode.Parse(
            await _served.Http.GetStringAsync(new Uri("/v1/models/tiny", UriKind.Relative)))!["has_evidence"]!);
        using var content = new StringContent(Request("The keeper").ToJsonString(), System.Text.Encoding.UTF8, "application/json");
        using HttpResponseMessage response = await http.PostAsync(new Uri("/v1/completions", UriKind.Relative), content);
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Contains("only of models that are decoded on the CPU, and 'odd' is not", await response.Content.ReadAsStringAsync(),
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(ColorScheme.Light), InlineData(ColorScheme.Dark)]
    public async Task The_page_shows_the_place_and_selects_it_in_the_document(ColorScheme scheme)
    {
        PasskeyPrompt passkey = PasskeyPrompt.Compose(_served.Model.Tokenizer, 126, 0.4, 40713, 8); // an empty line joins the question
        string document = passkey.Text[..(passkey.Text.Length - PasskeyText.FinalQuestion.Length - 1)];
        await _browser.VisitAsync(_served.Address, async page =>
        {
            await page.FillAsync("#document", document);
            await page.FillAsync("#question", PasskeyText.FinalQuestion);
            await page.FillAsync("#max-tokens", "6");
            await Expect(page.Locator("#ask")).ToBeEnabledAsync();
            await page.Keyboard.PressAsync("Control+Enter");
            ILocator place = page.Locator(".evidence button").First;
            await Expect(place).ToContainTextAsync("40713");
            await Expect(place).ToContainTextAsync("% of the answer");
            int key = _served.Model.Encode(document[..document.IndexOf("40713", StringComparison.Ordinal)]).Length;
            LocatorBoundingBoxResult strip = (await page.Locator(".strip").BoundingBoxAsync())!,
                mark = (await page.Locator(".strip i").First.BoundingBoxAsync())!;
            Assert.Equal(key / 128.0, (mark.X - strip.X) / strip.Width, 0.05);
            Assert.Matches("tokens [0-9]+ to [0-9]+: [0-9]+ %", (await page.Locator(".strip").GetAttributeAsync("aria-label"))!);
            Assert.Equal(360, await page.EvaluateAsync<int>("document.documentElement.scrollWidth"));

            await place.FocusAsync();
            await page.Keyboard.PressAsync("Enter");
            await Expect(page.Locator("#document")).ToBeFocusedAsync();
            Assert.Contains("40713", await page.EvaluateAsync<string>(
                "(field => field.value.slice(field.selectionStart, field.selectionEnd))(document.getElementById('document'))"),
                StringComparison.Ordinal);
            Assert.InRange(await page.EvaluateAsync<int>("document.getElementById('document').scrollTop"), 10, 1000); // into sight

            await page.FillAsync("#document",
                document.Replace(PasskeyText.KeyLine(40713) + "\n", "", StringComparison.Ordinal));
            await Expect(page.Locator("#ask")).ToBeEnabledAsync();
            await page.Keyboard.PressAsync("Control+Enter");
            await Expect(page.Locator(".evidence").First).ToContainTextAsync("no clear place");
            Assert.Equal(0, await page.Locator(".evidence").First.Locator("button").CountAsync());
            await Expect(page.Locator(".evidence").Last.Locator("mark").First).ToContainTextAsync("40713"); // of the answer before
        }, new() { ColorScheme = scheme, ViewportSize = new() { Width = 360, Height = 720 } });
    }

    private static JsonObject Request(string prompt) => new()
    {
        ["prompt"] = prompt,
        ["max_tokens"] = 6,
        ["temperature"] = 0,
        ["evidence"] = true,
    };
}
