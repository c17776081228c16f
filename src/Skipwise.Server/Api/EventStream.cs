using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;

namespace Skipwise.Server.Api;

/// <summary>Server-sent events, as OpenAI's API streams: one JSON object each, then [DONE].</summary>
internal sealed class EventStream
{
    private readonly HttpResponse _response;

    public EventStream(HttpResponse response)
    {
        _response = response;
        response.ContentType = "text/event-stream; charset=utf-8";
        response.Headers.CacheControl = "no-cache";
        response.Headers["X-Accel-Buffering"] = "no"; // a proxy would keep the events back
    }

    public Task SendAsync(JsonObject data, CancellationToken cancel) => SendAsync(Answers.Text(data), cancel);

    public Task EndAsync(CancellationToken cancel) => SendAsync("[DONE]", cancel);

    private async Task SendAsync(string data, CancellationToken cancel)
    {
        await _response.Body.WriteAsync(Encoding.UTF8.GetBytes($"data: {data}\n\n"), cancel).ConfigureAwait(false);
        await _response.Body.FlushAsync(cancel).ConfigureAwait(false);
    }
}
