using System.Text.Json.Nodes;
using Skipwise.Models;

namespace Skipwise.Checkpoints.HuggingFace;

/// <summary>
/// Finds the keys of a config.json because of which a program rotates otherwise than the model was trained: each key is set to what
/// Skipwise writes for the model, and is at fault if that changes what the program computes.
/// </summary>
internal static class RopeKeysAtFault
{
    private static readonly string[] s_sections = ["rope_scaling", "rope_parameters"];

    /// <summary>The keys, each with what was found and what is expected.</summary>
    /// <param name="raw">the file</param>
    /// <param name="model">as it was trained</param>
    /// <param name="program">one that reads such a file</param>
    public static IReadOnlyList<string> Find(JsonObject raw, ModelFamily family, DecoderConfig model, ExportTarget program)
    {
        JsonObject expected = HfConfig.ForExtended(raw, model);
        string found = ConsumerReading.Signature(program, raw, family, model);
        return
        [
            .. Different(raw, expected)
                .Where(path => ConsumerReading.Signature(program, With(raw, path, At(expected, path)), family, model) != found)
                .Select(path =>
                    $"{string.Join('.', path)} is {Text(At(raw, path), "missing")}, expected {Text(At(expected, path), "none")}"),
        ];
    }

    /// <summary>The keys that differ: of the sections that both have each key, of a section that one lacks the section.</summary>
    private static IEnumerable<string[]> Different(JsonObject raw, JsonObject expected)
    {
        foreach (string key in Union(raw, expected).Where(key => !JsonNode.DeepEquals(raw[key], expected[key])))
        {
            if (s_sections.Contains(key) && raw[key] is JsonObject section && expected[key] is JsonObject wanted)
            {
                foreach (string inner in Union(section, wanted).Where(inner => !JsonNode.DeepEquals(section[inner], wanted[inner])))
                {
                    yield return [key, inner];
                }
            }
            else
            {
                yield return [key];
            }
        }
    }

    private static IEnumerable<string> Union(JsonObject a, JsonObject b) => a.Concat(b).Select(pair => pair.Key).Distinct();

    private static JsonNode? At(JsonObject root, string[] path) =>
        path.Aggregate((JsonNode?)root, (node, key) => (node as JsonObject)?[key]);

    private static JsonObject With(JsonObject raw, string[] path, JsonNode? value)
    {
        var changed = (JsonObject)raw.DeepClone();
        JsonObject owner = path.Length == 1 ? changed : (JsonObject)changed[path[0]]!;
        if (value is null)
        {
            owner.Remove(path[^1]);
        }
        else
        {
            owner[path[^1]] = value.DeepClone();
        }
        return changed;
    }

    private static string Text(JsonNode? value, string none) => value switch
    {
        null => none,
        JsonArray list => $"a list of {list.Count} numbers",
        JsonObject section when (section["rope_type"] ?? section["type"]) is { } type => $"a scaling of type {type}",
        _ => value.ToJsonString(),
    };
}
