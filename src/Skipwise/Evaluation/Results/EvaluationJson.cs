using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Schema;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Skipwise.Storage;

namespace Skipwise.Evaluation.Results;

/// <summary>Serializes results as JSON: keys in snake_case, enums in kebab-case as users type them, null fields omitted.</summary>
internal static class EvaluationJson
{
    private static readonly JsonSerializerOptions s_line = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        RespectRequiredConstructorParameters = true,
        TypeInfoResolver = new DefaultJsonTypeInfoResolver().WithAddedModifier(LeaveOutNulls),
        RespectNullableAnnotations = true,
        AllowDuplicateProperties = false,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals, // a diverged model's NaN is a result too
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, // the file is for people and is not embedded in HTML
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.KebabCaseLower) },
    };
    private static readonly JsonSerializerOptions s_document = new(s_line) { WriteIndented = true };

    /// <summary>Omits null values of nullable properties; reading does not require them.</summary>
    private static void LeaveOutNulls(JsonTypeInfo type)
    {
        foreach (JsonPropertyInfo property in type.Properties.Where(property => property.AssociatedParameter is { IsNullable: true }))
        {
            property.IsRequired = false;
        }
    }

    /// <summary>A value on one line, for JSON lines files.</summary>
    public static string ToJsonLine<T>(T value) => JsonSerializer.Serialize(value, s_line);

    /// <summary>A value as indented JSON, for people and for files of their own.</summary>
    public static string ToIndentedJson<T>(T value) => JsonSerializer.Serialize(value, s_document);

    /// <summary>The JSON schema of what <see cref="ToIndentedJson"/> writes for values of a type.</summary>
    public static JsonObject Schema(Type type) => JsonSchemaExporter.GetJsonSchemaAsNode(s_document, type,
        new JsonSchemaExporterOptions
        {
            TreatNullObliviousAsNonNullable = true,
            TransformSchemaNode = (context, schema) =>
            {
                if (schema is JsonObject known && known["required"] is JsonArray required
                    && known["properties"] is JsonObject properties)
                {
                    HashSet<string> nullable = [.. context.TypeInfo.Properties.Where(property =>
                        Nullable.GetUnderlyingType(property.PropertyType) is not null).Select(property => property.Name)];
                    required.RemoveAll(name => // which is left out, not null
                        nullable.Contains((string)name!) || IsNullable(properties[(string)name!]));
                }
                return schema;
            },
        }).AsObject();

    private static bool IsNullable(JsonNode? schema) =>
        schema?["type"] is JsonArray types && types.Any(type => (string?)type == "null");

    /// <summary>Writes the records as one JSON list; the file appears complete or not at all.</summary>
    /// <exception cref="SkipwiseException">see <see cref="ResultFile"/></exception>
    public static void Write(string path, IReadOnlyList<EvaluationRecord> records) =>
        ResultFile.Write(path, ToIndentedJson(records) + "\n");

    /// <summary>Reads a file of <see cref="Write"/>.</summary>
    public static IReadOnlyList<EvaluationRecord> Read(string path)
    {
        try
        {
            return JsonText.Deserialize<EvaluationRecord[]>(InputFile.ReadText(path), s_document);
        }
        catch (JsonException e)
        {
            throw new SkipwiseException($"{path}: no list of evaluation results can be read from it: {e.Message}", e);
        }
    }

    /// <summary>Parses a line of <see cref="ToJsonLine"/>.</summary>
    /// <exception cref="JsonException">the line is not such a value</exception>
    internal static T Parse<T>(string line) => JsonText.Deserialize<T>(line, s_line);

    /// <summary>An options record as the settings of a result, with additional facts.</summary>
    internal static JsonObject Settings<T>(T options, params ReadOnlySpan<(string Key, JsonNode Value)> facts)
    {
        JsonObject settings = JsonSerializer.SerializeToNode(options, s_line)!.AsObject();
        foreach ((string key, JsonNode value) in facts)
        {
            settings[key] = value;
        }
        return settings;
    }
}
