using System.Diagnostics;
using System.Net;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.HostFiltering;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using OpenTelemetry.Metrics;
using Skipwise.Server.Api;
using Skipwise.Serving;

namespace Skipwise.Server;

/// <summary>
/// Serves models by OpenAI's API: /v1/models, /v1/completions, /v1/chat/completions, and beside them /tokenize, /detokenize,
/// /tokenizer_info, /health and /metrics, and a page for people at /. It takes connections of this machine alone unless told otherwise,
/// and no requests of other sites' pages.
/// </summary>
public sealed partial class InferenceServer : IAsyncDisposable
{
    private static readonly TimeSpan s_toEnd = TimeSpan.FromSeconds(5); // for what is ended to say so
    private static readonly MinDataRate s_leastRate = new(bytesPerSecond: 2048, gracePeriod: TimeSpan.FromSeconds(10));
    private readonly WebApplication _app;
    private readonly ServerOptions _options;
    private readonly ServerMetrics _metrics;
    private readonly CancellationTokenSource _stop = new();
    private readonly ILogger _logger;

    private InferenceServer(WebApplication app, ServerOptions options, ServerMetrics metrics)
    {
        (_app, _options, _metrics) = (app, options, metrics);
        _logger = app.Services.GetRequiredService<ILogger<InferenceServer>>();
    }

    /// <summary>where it listens</summary>
    public Uri Address => new(_app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());

    /// <summary>Starts to listen.</summary>
    /// <param name="models">at least one; they stay the caller's</param>
    /// <param name="options">address and limits</param>
    /// <param name="logging">where log lines go; null: nowhere. They hold no prompts and no answers</param>
    /// <exception cref="SkipwiseException">the port is taken or may not be used</exception>
    public static async Task<InferenceServer> StartAsync(
        IReadOnlyList<TextModel> models, ServerOptions options, Action<ILoggingBuilder>? logging = null, CancellationToken cancel = default)
    {
        var served = new ServedModels(models);
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder(
            new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory }); // no settings of the current folder
        builder.Logging.ClearProviders();
        builder.Logging.AddFilter("Microsoft", LogLevel.Warning);
        logging?.Invoke(builder.Logging);
        builder.Services.AddSingleton<IHostLifetime, CallersLifetime>();
        builder.Services.AddOpenTelemetry().WithMetrics(metrics => metrics
            .AddMeter(ServerMetrics.Name, "Microsoft.AspNetCore.Hosting", "Microsoft.AspNetCore.Server.Kestrel").AddPrometheusExporter());
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = options.StopTimeout + s_toEnd);
        if (IPAddress.IsLoopback(options.Host))
        {
            // a page of another site may have its own name point to this machine
            builder.Services.Configure<HostFilteringOptions>(
                filter => filter.AllowedHosts = ["localhost", "127.0.0.1", "[::1]", $"{options.Host}"]);
        }
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = options.MaxBodyBytes;
            kestrel.Limits.MinRequestBodyDataRate = s_leastRate;
            kestrel.Limits.RequestHeadersTimeout = options.HeadersTimeout;
            kestrel.Limits.MaxConcurrentConnections = options.MaxConnections;
            kestrel.Listen(options.Host, options.Port);
        });
        WebApplication app = builder.Build();
        var metrics = new ServerMetrics(served);
        var server = new InferenceServer(app, options, metrics);
        server.Map(served);
        try
        {
            await app.StartAsync(cancel).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or System.Net.Sockets.SocketException)
        {
            await server.DisposeAsync().ConfigureAwait(false);
            throw new SkipwiseException($"{options.Host}:{options.Port}: cannot listen there: {e.Message}. Choose another port.", e);
        }
        return server;
    }

    /// <summary>Takes no new requests, lets those in progress end within <see cref="ServerOptions.StopTimeout"/>, then ends them.</summary>
    public async Task StopAsync()
    {
        _stop.CancelAfter(_options.StopTimeout);
        await _app.StopAsync().ConfigureAwait(false);
    }

    /// <summary>Ends all requests and frees the port.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _app.DisposeAsync().ConfigureAwait(false);
        _metrics.Dispose();
        _stop.Dispose();
    }

    private void Map(ServedModels models)
    {
        var guard = new RequestGuard(_options, _app.Services.GetRequiredService<ILogger<RequestGuard>>(), _stop.Token);
        var completions = new CompletionsEndpoint(models, _options, _metrics);
        var chat = new ChatEndpoint(models, _options, _metrics);
        var tokenizer = new TokenizerEndpoints(models);
        if (IPAddress.IsLoopback(_options.Host))
        {
            _app.UseHostFiltering();
        }
        _app.Use(LogAsync);
        void Get(string path, Func<HttpContext, JsonObject> answer)
        {
            Task Handle(HttpContext http) => guard.RunAsync(http, _ => Task.FromResult<JsonObject?>(answer(http)));
            _app.MapGet(path, Handle);
        }
        void Post(string path, Func<HttpContext, CancellationToken, Task<JsonObject?>> answer)
        {
            Task Handle(HttpContext http) => guard.RunAsync(http, cancel => answer(http, cancel));
            _app.MapPost(path, Handle);
        }
        Get("/v1/models", _ => models.ToJson());
        Get("/v1/models/{**name}", http => models.ToJson(models.Find((string?)http.Request.RouteValues["name"])));
        Post("/v1/completions", completions.AnswerAsync);
        Post("/v1/chat/completions", chat.AnswerAsync);
        Post("/tokenize", async (http, cancel) => await tokenizer.TokenizeAsync(http, cancel).ConfigureAwait(false));
        Post("/detokenize", async (http, cancel) => await tokenizer.DetokenizeAsync(http, cancel).ConfigureAwait(false));
        Get("/tokenizer_info", http => tokenizer.Info(http.Request.Query["model"]));
        WebPage.Map(_app);
        _app.MapGet("/health", () => Results.Json(new JsonObject { ["status"] = "ok" }));
        _app.MapPrometheusScrapingEndpoint("/metrics");
        _app.MapFallback(http => guard.RunAsync(http, _ => throw new ApiException(
            StatusCodes.Status404NotFound, $"There is no {http.Request.Method} {http.Request.Path}.", "not_found")));
    }

    private async Task LogAsync(HttpContext http, RequestDelegate next)
    {
        long start = Stopwatch.GetTimestamp();
        await next(http).ConfigureAwait(false);
        if (_logger.IsEnabled(LogLevel.Information))
        {
            double milliseconds = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
            string path = http.Request.Path.Value ?? "";
            LogRequest(_logger, http.Request.Method, path, http.Response.StatusCode, milliseconds,
                http.RequestAborted.IsCancellationRequested);
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "{Method} {Path} {Status} in {Milliseconds:0} ms, client gone: {Gone}")]
    private static partial void LogRequest(ILogger logger, string method, string path, int status, double milliseconds, bool gone);

    /// <summary>The caller decides when the server stops, and hears the signals.</summary>
    private sealed class CallersLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
