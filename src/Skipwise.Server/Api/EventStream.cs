using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;

namespace Skipwise.Server.Api;

/// <summary>Server-sent events, as OpenAI's API streams: one JSON object each, then [DONE].</summary>
internal sealed class EventStream
{
    private static readonly TimeSpan s_silence = TimeSpan.FromSeconds(10);
    private readonly HttpResponse _response;

    private EventStream(HttpResponse response) => _response = response;

    /// <summary>Sends the headers.</summary>
    public static async Task<EventStream> BeginAsync(HttpResponse response, CancellationToken cancel)
    {
        response.ContentType = "text/event-stream; charset=utf-8";
        response.Headers.CacheControl = "no-cache";
        response.Headers["X-Accel-Buffering"] = "no"; // a proxy would keep the events back
        await response.Body.FlushAsync(cancel).ConfigureAwait(false);
        return new EventStream(response);
    }

    public Task SendAsync(JsonObject data, CancellationToken cancel) => WriteAsync($"data: {Answers.Text(data)}", cancel);

    /// <summary>Sends how much of the prompts has been read.</summary>
    /// <param name="envelope">the object around the choices, of which there are none yet</param>
    public Task SendProgressAsync(Func<JsonArray, JsonObject> envelope, TextChoices texts, CancellationToken cancel)
    {
        JsonObject data = envelope([]);
        data["prompt_progress"] = texts.Progress();
        return SendAsync(data, cancel);
    }

    public Task EndAsync(CancellationToken cancel) => WriteAsync("data: [DONE]", cancel);

    /// <summary>The same elements. While none comes, as when a long prompt is read, comments tell the client that the server
    /// lives.</summary>
    public async IAsyncEnumerable<T> KeepAlive<T>(IAsyncEnumerable<T> source, [EnumeratorCancellation] CancellationToken cancel)
    {
        await using IAsyncEnumerator<T> elements = source.GetAsyncEnumerator(cancel);
        while (true)
        {
            Task<bool> next = elements.MoveNextAsync().AsTask();
            while (!next.IsCompleted
                && await Task.WhenAny(next, Task.Delay(s_silence, CancellationToken.None)).ConfigureAwait(false) != next)
            {
                await WriteAsync(": reading the prompt", cancel).ConfigureAwait(false);
            }
            if (!await next.ConfigureAwait(false))
            {
                yield break;
            }
            yield return elements.Current;
        }
    }

    private async Task WriteAsync(string line, CancellationToken cancel)
    {
        await _response.Body.WriteAsync(Encoding.UTF8.GetBytes($"{line}\n\n"), cancel).ConfigureAwait(false);
        await _response.Body.FlushAsync(cancel).ConfigureAwait(false);
    }
}
