using System.Diagnostics;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Skipwise.Benchmarks;

/// <summary>Clients of a running <c>skipwise serve</c>, over HTTP.</summary>
/// <param name="server">its address, http://127.0.0.1:8000</param>
/// <param name="process">its process, whose memory is read; null: none</param>
internal sealed class ServeBench(Uri server, int? process) : IDisposable
{
    private const int PromptTokens = 64, NewTokens = 64, Vocabulary = 1000;
    private readonly HttpClient _http = new() { BaseAddress = server, Timeout = Timeout.InfiniteTimeSpan };

    /// <summary>What some clients got in a while.</summary>
    /// <param name="Seconds">that they took</param>
    /// <param name="Median">milliseconds between tokens of one text</param>
    /// <param name="P99">the same, exceeded by one in a hundred</param>
    /// <param name="FirstToken">median milliseconds to the first token</param>
    /// <param name="StartMib">resident memory of the server before</param>
    /// <param name="EndMib">and after</param>
    private sealed record Load(int Clients, double Seconds, int Requests, int Errors, double TokensPerSecond, double Median, double P99,
        double FirstToken, double StartMib, double EndMib);

    /// <summary>A document that is asked twice.</summary>
    /// <param name="First">seconds to the first token of the first question</param>
    /// <param name="Second">and of the second</param>
    private sealed record Document(int Tokens, double First, double Second, int Cached);

    /// <summary>Clients that ask one request after another, each of a prompt of its own.</summary>
    public async Task RunClientsAsync(int clients, double seconds)
    {
        await AskAsync([5, 6, 7], 4); // warms up
        double start = Memory();
        var clock = Stopwatch.StartNew();
        (List<double> First, List<double> Gaps, int Tokens, int Errors)[] all = await Task.WhenAll(
            Enumerable.Range(0, clients).Select(client => Task.Run(async () =>
            {
                (List<double> first, List<double> gaps, int tokens, int errors) = ([], [], 0, 0);
                for (int request = 0; clock.Elapsed.TotalSeconds < seconds; request++)
                {
                    try
                    {
                        double[] times = await AskAsync(Prompt(client + (request * clients), PromptTokens), NewTokens);
                        first.Add(times[0]);
                        gaps.AddRange(times[1..]);
                        tokens += times.Length;
                    }
                    catch (HttpRequestException)
                    {
                        errors++;
                    }
                }
                return (first, gaps, tokens, errors);
            })));
        double taken = clock.Elapsed.TotalSeconds;
        double[] sorted = [.. all.SelectMany(own => own.Gaps).Order()];
        double[] firsts = [.. all.SelectMany(own => own.First).Order()];
        Write(new Load(clients, taken, firsts.Length, all.Sum(own => own.Errors), all.Sum(own => own.Tokens) / taken,
            1000 * sorted[sorted.Length / 2], 1000 * sorted[sorted.Length * 99 / 100], 1000 * firsts[firsts.Length / 2], start, Memory()));
    }

    /// <summary>Two questions about one document.</summary>
    public async Task RunDocumentAsync(int tokens)
    {
        int[] document = Prompt(1_000_000, tokens);
        double first = (await AskAsync([.. document, 7, 8, 9], 2))[0], second = (await AskAsync([.. document, 17, 18, 19, 20], 2))[0];
        JsonNode usage = await UsageAsync([.. document, 27, 28, 29]);
        Write(new Document(tokens, first, second, (int)usage["prompt_tokens_details"]!["cached_tokens"]!));
    }

    public void Dispose() => _http.Dispose();

    /// <summary>Seconds to the first token, and between the others.</summary>
    private async Task<double[]> AskAsync(int[] prompt, int tokens)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/completions") { Content = Body(prompt, tokens, stream: true) };
        long last = Stopwatch.GetTimestamp();
        using HttpResponseMessage response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        response.EnsureSuccessStatusCode();
        using var lines = new StreamReader(await response.Content.ReadAsStreamAsync(), Encoding.UTF8);
        var times = new List<double>();
        while (await lines.ReadLineAsync() is { } line)
        {
            if (line.StartsWith("data: {", StringComparison.Ordinal))
            {
                times.Add(Stopwatch.GetElapsedTime(last).TotalSeconds);
                last = Stopwatch.GetTimestamp();
            }
        }
        return times.Count == tokens ? [.. times] : throw new HttpRequestException($"{times.Count} tokens of {tokens}");
    }

    private async Task<JsonNode> UsageAsync(int[] prompt)
    {
        using StringContent body = Body(prompt, 1, stream: false);
        using HttpResponseMessage response = await _http.PostAsync(new Uri("/v1/completions", UriKind.Relative), body);
        return JsonNode.Parse(await response.Content.ReadAsStringAsync())!["usage"]!;
    }

    /// <summary>A text that does not end before its last token.</summary>
    private static StringContent Body(int[] prompt, int tokens, bool stream) => new(JsonSerializer.Serialize(new
    {
        prompt,
        max_tokens = tokens,
        temperature = 0,
        stream,
        logit_bias = new Dictionary<string, int> { ["2"] = -1000 },
    }), Encoding.UTF8, "application/json");

    private static int[] Prompt(int seed, int tokens)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, tokens).Select(_ => random.Next(5, Vocabulary))];
    }

    private double Memory()
    {
        using Process? of = process is { } id ? Process.GetProcessById(id) : null;
        return (of?.WorkingSet64 ?? 0) / (double)(1 << 20);
    }

    private static void Write<T>(T result) => Console.WriteLine(JsonSerializer.Serialize(result, BenchResult.Json));
}
