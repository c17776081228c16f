using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Skipwise.Server.Api;

/// <summary>What surrounds every request: the API key, the time limit, and errors as OpenAI's API writes them.</summary>
internal sealed partial class RequestGuard(ServerOptions options, ILogger<RequestGuard> logger, CancellationToken stop)
{
    private const string Bearer = "Bearer ";
    private readonly byte[]? _key = options.ApiKey is { } key ? SHA256.HashData(Encoding.UTF8.GetBytes(key)) : null;

    /// <summary>Answers with JSON what <paramref name="answer"/> returns; null: it has written the response itself.</summary>
    public async Task RunAsync(HttpContext http, Func<CancellationToken, Task<JsonObject?>> answer)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted, stop);
        limit.CancelAfter(options.RequestTimeout);
        try
        {
            RequireKey(http);
            if (await answer(limit.Token).ConfigureAwait(false) is { } body)
            {
                await WriteAsync(http, StatusCodes.Status200OK, body).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (http.RequestAborted.IsCancellationRequested)
        {
            // the client has gone
        }
        catch (Exception e)
        {
            await limit.CancelAsync().ConfigureAwait(false); // ends the request's other texts
            await FailAsync(http, e).ConfigureAwait(false);
        }
    }

    private async Task FailAsync(HttpContext http, Exception error)
    {
        ApiException shown = error switch
        {
            ApiException own => own,
            SkipwiseException own => new(StatusCodes.Status400BadRequest, OptionName.Replace(own.Message, FieldOf), "invalid_value"),
            BadHttpRequestException bad => new(bad.StatusCode, bad.Message),
            InvalidOperationException when error.Source?.StartsWith("System.Text.Json", StringComparison.Ordinal) == true =>
                new(StatusCodes.Status400BadRequest, "The body holds a text that is not valid: half of a character.", "invalid_value"),
            OperationCanceledException when stop.IsCancellationRequested =>
                new(StatusCodes.Status503ServiceUnavailable, "The server stops.", "server_stops"),
            OperationCanceledException => new(StatusCodes.Status503ServiceUnavailable,
                $"The request took longer than {options.RequestTimeout.TotalSeconds:0} seconds.", "timeout"),
            _ => new(StatusCodes.Status500InternalServerError, "The server failed to answer; its log has the cause.", "internal_error"),
        };
        if (shown.Status == StatusCodes.Status500InternalServerError)
        {
            LogFailure(logger, error);
        }
        if (!http.Response.HasStarted)
        {
            if (shown.Status == StatusCodes.Status429TooManyRequests)
            {
                http.Response.Headers.RetryAfter = "1";
            }
            await WriteAsync(http, shown.Status, shown.ToJson()).ConfigureAwait(false);
        }
        else if (!http.RequestAborted.IsCancellationRequested) // a stream has begun
        {
            await http.Response.WriteAsync($"data: {Answers.Text(shown.ToJson())}\n\n", CancellationToken.None).ConfigureAwait(false);
        }
    }

    /// <exception cref="ApiException">the key is not the server's</exception>
    private void RequireKey(HttpContext http)
    {
        if (_key is null)
        {
            return;
        }
        string header = http.Request.Headers.Authorization.ToString();
        string given = header.StartsWith(Bearer, StringComparison.OrdinalIgnoreCase) ? header[Bearer.Length..].Trim() : "";
        // hashes have one length: the comparison's time tells nothing of the key
        if (!CryptographicOperations.FixedTimeEquals(_key, SHA256.HashData(Encoding.UTF8.GetBytes(given))))
        {
            throw new ApiException(StatusCodes.Status401Unauthorized,
                "The API key is missing or wrong. Send it as 'Authorization: Bearer KEY'.", "invalid_api_key");
        }
    }

    private static async Task WriteAsync(HttpContext http, int status, JsonObject body)
    {
        http.Response.StatusCode = status;
        http.Response.ContentType = "application/json; charset=utf-8";
        await http.Response.WriteAsync(Answers.Text(body), CancellationToken.None).ConfigureAwait(false);
    }

    /// <summary>The request's field for an option: "top_p" for GenerationOptions.TopP.</summary>
    private static string FieldOf(string option) => option switch
    {
        "GenerationOptions.MaxNewTokens" => "max_tokens",
        "TextRequest.StopTexts" => "stop",
        _ => Capital().Replace(option[(option.IndexOf('.', StringComparison.Ordinal) + 1)..], "_$0").ToLowerInvariant(),
    };

    [GeneratedRegex("(?<!^)[A-Z]")]
    private static partial Regex Capital();

    [LoggerMessage(Level = LogLevel.Error, Message = "A request failed.")]
    private static partial void LogFailure(ILogger logger, Exception error);
}
