using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;

namespace Skipwise.Server.Api;

/// <summary>A request that is refused, as OpenAI's API says it.</summary>
/// <param name="status">HTTP status</param>
/// <param name="message">what is wrong, and what to do</param>
/// <param name="code">for programs</param>
/// <param name="param">the field at fault</param>
internal sealed class ApiException(int status, string message, string? code = null, string? param = null) : Exception(message)
{
    public int Status => status;

    /// <summary>A field that is missing, of the wrong type, or out of range.</summary>
    public static ApiException Invalid(string param, string message) =>
        new(StatusCodes.Status400BadRequest, $"'{param}' {message}", "invalid_value", param);

    /// <summary>As many requests wait as may.</summary>
    public static ApiException TooMany() =>
        new(StatusCodes.Status429TooManyRequests, "Too many requests wait. Try again later.", "queue_full");

    /// <summary>The body of the response: { "error": { message, type, param, code } }.</summary>
    public JsonObject ToJson() => new()
    {
        ["error"] = new JsonObject
        {
            ["message"] = Message,
            ["type"] = status switch
            {
                StatusCodes.Status401Unauthorized => "authentication_error",
                StatusCodes.Status429TooManyRequests => "rate_limit_error",
                >= StatusCodes.Status500InternalServerError => "server_error",
                _ => "invalid_request_error",
            },
            ["param"] = param,
            ["code"] = code,
        },
    };
}
