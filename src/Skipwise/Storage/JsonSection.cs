using System.Text.Json;
using System.Text.Json.Nodes;

namespace Skipwise.Storage;

/// <summary>Typed reading of a JSON object. A missing key or a value of the wrong type is an error that names file and key.</summary>
/// <param name="File">path for error messages</param>
/// <param name="Prefix">"" or the parent keys with a dot: "rope_scaling."</param>
/// <param name="Json">the object itself</param>
internal sealed record JsonSection(string File, string Prefix, JsonObject Json)
{
    /// <summary>largest count of anything, tokens included; sums and doubles of such counts fit 32 bits</summary>
    internal const int LargestCount = 1 << 29;
    private static readonly Dictionary<string, string> s_asIs = [];
    private static readonly Dictionary<string, JsonNode> s_none = [];

    /// <summary>key in the code -> key in this file, if they differ</summary>
    public IReadOnlyDictionary<string, string> Names { get; init; } = s_asIs;

    /// <summary>values of missing keys, unless the caller gives one</summary>
    public IReadOnlyDictionary<string, JsonNode> Defaults { get; init; } = s_none;

    /// <summary>the keys that were read, as named in the file; other keys of the file are unknown</summary>
    public HashSet<string> ReadKeys { get; } = [];

    /// <summary>Parses a whole file.</summary>
    public static JsonSection Parse(string text, string file)
    {
        try
        {
            JsonText.RequireUnicode(text);
            JsonNode? root = JsonNode.Parse(text, documentOptions: new JsonDocumentOptions { AllowDuplicateProperties = false });
            return new JsonSection(file, "", root as JsonObject ?? throw new SkipwiseException($"{file}: expected a JSON object"));
        }
        catch (JsonException e)
        {
            throw new SkipwiseException($"{file}: not valid JSON: {e.Message}", e);
        }
    }

    /// <inheritdoc cref="Parse"/>
    public static JsonSection ReadFile(string file) => Parse(InputFile.ReadText(file), file);

    /// <summary>Whether the key is present or has a default, and is not null.</summary>
    public bool Has(string key) => Node(key) is not null;

    /// <summary>The value; null if the key is missing or null. A null in the file takes precedence over a default.</summary>
    public JsonNode? Node(string key)
    {
        string name = Names.GetValueOrDefault(key, key);
        ReadKeys.Add(name);
        return Json.TryGetPropertyValue(name, out JsonNode? node) ? node : Defaults.GetValueOrDefault(key);
    }

    public int Int(string key, int? defaultValue = null) => Value<int>(key, defaultValue, "a whole number");
    public double Double(string key, double? defaultValue = null) =>
        Value<double>(key, defaultValue, "a number") is var number && double.IsFinite(number) ? number
            : throw Error(key, $"expected a number, found {Node(key)!.ToJsonString()}");
    public bool Bool(string key, bool defaultValue) => Value<bool>(key, defaultValue, "true or false");

    /// <summary>The value; null if the key is missing or null.</summary>
    public double? OptionalDouble(string key) => Has(key) ? Double(key) : null;

    /// <inheritdoc cref="OptionalDouble"/>
    public string? OptionalString(string key) =>
        Node(key) is not JsonNode node ? null
        : node is JsonValue value && value.TryGetValue(out string? text) ? text
        : throw Error(key, $"expected a text, found {node.ToJsonString()}");

    /// <summary>A count: an integer of at least 1.</summary>
    /// <param name="most">largest valid value; a wrong file could otherwise take all memory before the error is found</param>
    public int Positive(string key, int? defaultValue = null, int most = LargestCount) =>
        Int(key, defaultValue) is var number && number < 1 ? throw Error(key, $"expected a whole number > 0, found {number}")
        : number > most ? throw Error(key, $"found {number}; at most {most} are possible")
        : number;

    /// <inheritdoc cref="OptionalDouble"/>
    public int? OptionalPositive(string key) => Has(key) ? Positive(key) : null;

    /// <inheritdoc cref="OptionalDouble"/>
    public JsonSection? Section(string key) =>
        Node(key) is not JsonNode node ? null
        : node is JsonObject inner ? new JsonSection(File, $"{Prefix}{key}.", inner)
        : throw Error(key, $"expected an object, found {node.GetValueKind()}");

    public IReadOnlyList<double> Doubles(string key)
    {
        var list = Node(key) as JsonArray ?? throw Error(key, "expected a list of numbers");
        return [.. list.Select(item =>
            item is JsonValue value && value.TryGetValue(out double number) && double.IsFinite(number) ? number
            : throw Error(key, $"expected a list of numbers, found {item?.ToJsonString() ?? "null"} in it"))];
    }

    /// <summary>A token id, the first of a list of them, or null (some configurations write -1 for "none").</summary>
    public int? TokenId(string key)
    {
        JsonNode? node = Node(key) is JsonArray list ? (list.Count > 0 ? list[0] : null) : Node(key);
        if (node is null)
        {
            return null;
        }
        return node is JsonValue value && value.TryGetValue(out int id) ? (id < 0 ? null : id)
            : throw Error(key, $"expected a token id or a list of them, found {Node(key)!.ToJsonString()}");
    }

    public SkipwiseException Error(string key, string what) => new(About(key, what));

    /// <summary>A sentence about a key, with the file and the key as named in the file.</summary>
    public string About(string key, string what) => $"{File}: key {Prefix}{Names.GetValueOrDefault(key, key)}: {what}";

    private T Value<T>(string key, T? defaultValue, string kind) where T : struct
    {
        if (Node(key) is not JsonNode node)
        {
            return defaultValue ?? throw Error(key, $"missing; expected {kind}");
        }
        return node is JsonValue value && value.TryGetValue(out T result)
            ? result
            : throw Error(key, $"expected {kind}, found {node.ToJsonString()}");
    }
}
