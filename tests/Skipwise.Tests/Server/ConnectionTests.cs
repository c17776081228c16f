using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using Skipwise.Server;

namespace Skipwise.Tests.Server;

/// <summary>Clients that are slow, rude, too many, or not allowed in.</summary>
public sealed class ConnectionTests : IAsyncLifetime
{
    private readonly ServedTinyModel _served = new(
        new ServerOptions
        {
            ApiKey = "secret",
            MaxBodyBytes = 1000,
            HeadersTimeout = TimeSpan.FromSeconds(1),
            StopTimeout = TimeSpan.FromSeconds(1),
        },
        new() { MaxBatchSize = 1, MaxQueueLength = 1 });

    public async ValueTask InitializeAsync()
    {
        await _served.InitializeAsync();
        _served.Http.DefaultRequestHeaders.Authorization = new("Bearer", "secret");
    }

    public ValueTask DisposeAsync() => _served.DisposeAsync();

    [Fact]
    public async Task A_request_without_the_key_is_refused()
    {
        using var other = new HttpClient { BaseAddress = _served.Address };
        foreach (string? key in (string?[])[null, "", "wrong", "secret2", "secre"])
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, "/v1/models");
            if (key is not null)
            {
                request.Headers.TryAddWithoutValidation("Authorization", $"Bearer {key}");
            }
            using HttpResponseMessage response = await other.SendAsync(request);
            Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
            Assert.Contains("invalid_api_key", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        }
        Assert.Equal(HttpStatusCode.OK, (await _served.Http.GetAsync(new Uri("/v1/models", UriKind.Relative))).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await other.GetAsync(new Uri("/health", UriKind.Relative))).StatusCode);
    }

    [Fact]
    public async Task Too_many_requests_are_told_to_come_again()
    {
        const string endless = """{"prompt":"x","max_tokens":1000,"stream":true,"logit_bias":{"2":-1000}}""";
        Task<(HttpStatusCode, string)>[] requests = [.. Enumerable.Range(0, 4).Select(async _ =>
        {
            using var content = new StringContent(endless, Encoding.UTF8, "application/json");
            using HttpResponseMessage response = await _served.Http.PostAsync(new Uri("/v1/completions", UriKind.Relative), content);
            return (response.StatusCode, response.Headers.RetryAfter?.ToString() ?? "");
        })];
        (HttpStatusCode, string)[] answers = await Task.WhenAll(requests);
        Assert.Contains((HttpStatusCode.TooManyRequests, "1"), answers);
        Assert.Contains((HttpStatusCode.OK, ""), answers);
    }

    [Fact]
    public async Task A_body_that_is_too_large_or_of_another_kind_is_refused()
    {
        (int status, JsonObject body) = await _served.PostAsync("/v1/completions", $$"""{"prompt":"{{new string('x', 2000)}}"}""");
        Assert.Equal(413, status);
        Assert.NotNull(body["error"]!["message"]);
        using var form = new StringContent("""{"prompt":"x"}""", Encoding.UTF8, "text/plain"); // what a page of another site can send
        Assert.Equal(HttpStatusCode.UnsupportedMediaType,
            (await _served.Http.PostAsync(new Uri("/v1/completions", UriKind.Relative), form)).StatusCode);
    }

    [Fact]
    public async Task A_page_of_another_site_finds_no_way_in()
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/v1/models") { Headers = { Host = "evil.example" } };
        Assert.Equal(HttpStatusCode.BadRequest, (await _served.Http.SendAsync(request)).StatusCode);
        using var preflight = new HttpRequestMessage(HttpMethod.Options, "/v1/completions");
        preflight.Headers.Add("Origin", "https://evil.example");
        preflight.Headers.Add("Access-Control-Request-Method", "POST");
        using HttpResponseMessage response = await _served.Http.SendAsync(preflight);
        Assert.DoesNotContain(response.Headers, header => header.Key.StartsWith("Access-Control", StringComparison.OrdinalIgnoreCase));
    }

    [Theory]
    [InlineData("nonsense\r\n\r\n", "HTTP/1.1 400")]
    [InlineData("GET / HTTP/9.9\r\n\r\n", "HTTP/1.1 505")]
    [InlineData("POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\n", "HTTP/1.1 400")]
    [InlineData("GET /v1/models HTTP/1.1\r\nHost: localhost\r\nAuthor", "")] // headers that never end: closed in a second
    public async Task A_malformed_or_slow_request_is_cut(string sent, string answer)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, _served.Address.Port);
        NetworkStream stream = client.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes(sent));
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        using var reader = new StreamReader(stream, Encoding.ASCII);
        string all = await reader.ReadToEndAsync(limit.Token); // the server closes the connection
        Assert.StartsWith(answer, all, StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.OK, (await _served.Http.GetAsync(new Uri("/health", UriKind.Relative))).StatusCode);
    }

    [Fact]
    public async Task A_client_that_goes_away_frees_the_model()
    {
        const string body = """{"prompt":"x","max_tokens":1000,"logit_bias":{"2":-1000}}""";
        using (var client = new TcpClient())
        {
            await client.ConnectAsync(IPAddress.Loopback, _served.Address.Port);
            await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(
                "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer secret\r\nContent-Type: application/json\r\n" +
                $"Content-Length: {body.Length}\r\n\r\n{body}"));
            for (int i = 0; i < 600 && _served.Model.Engine.Statistics.Running == 0; i++)
            {
                await Task.Delay(20);
            }
        }
        await _served.WhenIdleAsync();
        Assert.InRange(_served.Model.Engine.Statistics.GeneratedTokens, 0, 999);
    }

    [Fact]
    public async Task A_server_that_stops_ends_its_streams()
    {
        using var content = new StringContent(
            """{"prompt":"x","max_tokens":1000,"stream":true,"logit_bias":{"2":-1000}}""", Encoding.UTF8, "application/json");
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/completions") { Content = content };
        using HttpResponseMessage response = await _served.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        Task<string> all = response.Content.ReadAsStringAsync();
        await _served.Server.StopAsync();
        Assert.Matches("server_stops|\\[DONE\\]", await all);
        await Assert.ThrowsAsync<HttpRequestException>(() => _served.Http.GetAsync(new Uri("/health", UriKind.Relative)));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_request_that_takes_too_long_ends(bool streams)
    {
        await using var slow = new ServedTinyModel(new ServerOptions { RequestTimeout = TimeSpan.FromMilliseconds(50) }, new());
        await slow.InitializeAsync();
        string request = $$"""{"logit_bias":{"2":-1000},"prompt":"x","max_tokens":1000,"stream":{{(streams ? "true" : "false")}} }""";
        using var content = new StringContent(request, Encoding.UTF8, "application/json");
        using HttpResponseMessage response = await slow.Http.PostAsync(new Uri("/v1/completions", UriKind.Relative), content);
        Assert.Equal(streams ? HttpStatusCode.OK : HttpStatusCode.ServiceUnavailable, response.StatusCode);
        Assert.Contains("\"timeout\"", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        await slow.WhenIdleAsync();
    }

    [Fact]
    public async Task Metrics_count_tokens_and_requests()
    {
        (int status, _) = await _served.PostAsync("/v1/completions", """{"prompt":"The keeper","max_tokens":7,"logit_bias":{"2":-1000}}""");
        Assert.Equal(200, status);
        string metrics = await _served.Http.GetStringAsync(new Uri("/metrics", UriKind.Relative));
        Assert.Matches("(?m)^skipwise_tokens_generated_total\\{.*model=\"tiny\"\\} 7( |$)", metrics);
        Assert.Matches("(?m)^skipwise_time_to_first_token_seconds_count\\{.*model=\"tiny\"\\} 1( |$)", metrics);
        Assert.Contains("http_server_request_duration_seconds", metrics, StringComparison.Ordinal);
    }
}
