using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;

namespace Skipwise.Server.Api;

/// <summary>The fields of a request's JSON object. Unknown ones are ignored, as OpenAI's API does; null is like absent.</summary>
internal sealed class RequestFields(JsonObject body)
{
    /// <summary>Reads the body.</summary>
    /// <exception cref="ApiException">it is not a JSON object</exception>
    public static async Task<RequestFields> ReadAsync(HttpContext http, CancellationToken cancel)
    {
        if (!http.Request.HasJsonContentType())
        {
            throw new ApiException(StatusCodes.Status415UnsupportedMediaType, "The body has to be sent as application/json.");
        }
        try
        {
            JsonNode? root = await JsonNode.ParseAsync(
                http.Request.Body, null, new() { AllowDuplicateProperties = false }, cancel).ConfigureAwait(false);
            return root is JsonObject body ? new(body)
                : throw new ApiException(StatusCodes.Status400BadRequest, "The body is not a JSON object.");
        }
        catch (JsonException e)
        {
            throw new ApiException(StatusCodes.Status400BadRequest, $"The body is not JSON: {e.Message}");
        }
    }

    public JsonNode? this[string name] => body[name];

    public string? Text(string name) => this[name] is { } node ? As<string>(node, name, "a text") : null;

    public double? Number(string name) => Value<double>(name, "a number");

    public int? Integer(string name) => Value<int>(name, "a whole number");

    public long? Long(string name) => Value<long>(name, "a whole number");

    public bool Flag(string name) => Value<bool>(name, "true or false") ?? false;

    /// <summary>An object inside of this one; empty if absent.</summary>
    public RequestFields Object(string name) => this[name] switch
    {
        null => new([]),
        JsonObject inner => new(inner),
        _ => throw ApiException.Invalid(name, "has to be an object."),
    };

    /// <summary>A text, or a list of them; empty if absent.</summary>
    public string[] Texts(string name) => this[name] switch
    {
        null => [],
        JsonArray list => [.. list.Select(item => As<string>(item, name, "a text or a list of texts"))],
        { } one => [As<string>(one, name, "a text or a list of texts")],
    };

    /// <summary>The elements of a list as a type.</summary>
    public static T[] List<T>(JsonArray list, string name, string expected) => [.. list.Select(item => As<T>(item, name, expected))];

    /// <summary>Refuses a field that has a meaning which is not implemented.</summary>
    /// <param name="harmless">whether a value means the same as its absence</param>
    public void Refuse(string name, Func<JsonNode, bool> harmless)
    {
        if (this[name] is { } value && !harmless(value))
        {
            throw ApiException.Invalid(name, "is not supported with this value. Leave it out.");
        }
    }

    private T? Value<T>(string name, string expected)
        where T : struct => this[name] is { } node ? As<T>(node, name, expected) : null;

    private static T As<T>(JsonNode? node, string name, string expected) =>
        node is JsonValue value && value.TryGetValue(out T? result) && result is not double.NaN
            ? result is not string text || IsWellFormed(text) ? result
                : throw ApiException.Invalid(name, "is not valid: it holds half of a character.")
            : throw ApiException.Invalid(name, $"has to be {expected}.");

    /// <summary>Whether both halves of every surrogate pair are there: a text that was cut between them has no bytes in UTF-8.</summary>
    private static bool IsWellFormed(string text)
    {
        for (int i = 0; i < text.Length; i++)
        {
            if (char.IsSurrogate(text[i]) && !(i + 1 < text.Length && char.IsSurrogatePair(text[i], text[++i])))
            {
                return false;
            }
        }
        return true;
    }
}
