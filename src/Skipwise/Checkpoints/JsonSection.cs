using System.Text.Json;
using System.Text.Json.Nodes;

namespace Skipwise.Checkpoints;

/// <summary>Typed reading of a JSON object: a missing key or a value of the wrong kind is an error naming file and key.</summary>
/// <param name="File">path for error messages</param>
/// <param name="Prefix">"" or the parent keys with a dot: "rope_scaling."</param>
/// <param name="Json">the object itself</param>
internal sealed record JsonSection(string File, string Prefix, JsonObject Json)
{
    /// <summary>Parses a whole file.</summary>
    public static JsonSection Parse(string text, string file)
    {
        try
        {
            JsonNode? root = JsonNode.Parse(text, documentOptions: new JsonDocumentOptions { AllowDuplicateProperties = false });
            return new JsonSection(file, "", root as JsonObject ?? throw new SkipwiseException($"{file}: expected a JSON object"));
        }
        catch (JsonException e)
        {
            throw new SkipwiseException($"{file}: not valid JSON: {e.Message}", e);
        }
    }

    /// <inheritdoc cref="Parse"/>
    public static JsonSection ReadFile(string file)
    {
        try
        {
            return Parse(System.IO.File.ReadAllText(file), file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new SkipwiseException($"{file}: cannot be read: {e.Message}", e);
        }
    }

    /// <summary>Present and not null.</summary>
    public bool Has(string key) => Json[key] is not null;

    public int Int(string key, int? otherwise = null) => Value<int>(key, otherwise, "a whole number");
    public double Double(string key, double? otherwise = null) => Value<double>(key, otherwise, "a number");
    public bool Bool(string key, bool otherwise) => Value<bool>(key, otherwise, "true or false");

    /// <summary>Null if the key is missing or null.</summary>
    public double? OptionalDouble(string key) => Has(key) ? Double(key) : null;

    /// <inheritdoc cref="OptionalDouble"/>
    public string? OptionalString(string key) =>
        Json[key] is not JsonNode node ? null
        : node is JsonValue value && value.TryGetValue(out string? text) ? text
        : throw Wrong(key, $"expected a text, found {node.ToJsonString()}");

    /// <summary>A count: a whole number of at least 1.</summary>
    public int Positive(string key, int? otherwise = null) =>
        Int(key, otherwise) is int number and > 0 ? number : throw Wrong(key, $"expected a whole number > 0, found {Json[key]?.ToJsonString()}");

    /// <summary>Null if the key is missing or null.</summary>
    public JsonSection? Section(string key) =>
        Json[key] is not JsonNode node ? null
        : node is JsonObject inner ? new JsonSection(File, $"{Prefix}{key}.", inner)
        : throw Wrong(key, $"expected an object, found {node.GetValueKind()}");

    public IReadOnlyList<double> Doubles(string key)
    {
        var list = Json[key] as JsonArray ?? throw Wrong(key, "expected a list of numbers");
        return [.. list.Select(item => item is JsonValue value && value.TryGetValue(out double number) ? number : throw Wrong(key, $"expected a list of numbers, found {item?.ToJsonString() ?? "null"} in it"))];
    }

    /// <summary>A token id, the first of a list of them, or null (some configurations write -1 for "none").</summary>
    public int? TokenId(string key)
    {
        JsonNode? node = Json[key] is JsonArray list ? (list.Count > 0 ? list[0] : null) : Json[key];
        if (node is null)
        {
            return null;
        }
        return node is JsonValue value && value.TryGetValue(out int id) ? (id < 0 ? null : id)
            : throw Wrong(key, $"expected a token id or a list of them, found {Json[key]!.ToJsonString()}");
    }

    public SkipwiseException Wrong(string key, string what) => new($"{File}: key {Prefix}{key}: {what}");

    private T Value<T>(string key, T? otherwise, string kind) where T : struct
    {
        if (Json[key] is not JsonNode node)
        {
            return otherwise ?? throw Wrong(key, $"missing; expected {kind}");
        }
        return node is JsonValue value && value.TryGetValue(out T result) ? result : throw Wrong(key, $"expected {kind}, found {node.ToJsonString()}");
    }
}
