using System.Text.Json;

namespace Skipwise.Text;

/// <summary>One line of a JSON lines file.</summary>
internal static class JsonLine
{
    private static readonly string[] s_usualFields = ["text", "input"];

    public static Document Read(string json, string origin, string? field)
    {
        try
        {
            using var line = JsonDocument.Parse(json);
            if (line.RootElement.ValueKind != JsonValueKind.Object)
            {
                throw new SkipwiseException($"{origin}: the line is {line.RootElement.ValueKind} where an object was expected");
            }
            string[] wanted = field is null ? s_usualFields : [field];
            foreach (string name in wanted)
            {
                if (line.RootElement.TryGetProperty(name, out var text))
                {
                    return text.ValueKind == JsonValueKind.String
                        ? new Document(text.GetString()!, origin)
                        : throw new SkipwiseException($"{origin}: \"{name}\" is {text.ValueKind} where a string was expected");
                }
            }
            string found = string.Join(", ", line.RootElement.EnumerateObject().Select(m => $"\"{m.Name}\""));
            throw new SkipwiseException($"{origin}: no field {string.Join(" or ", wanted.Select(n => $"\"{n}\""))}; the line has {(found.Length > 0 ? found : "none")}. Name the field that holds the text");
        }
        catch (JsonException e)
        {
            throw new SkipwiseException($"{origin}: broken JSON: {e.Message}", e);
        }
        catch (InvalidOperationException e) // a lone surrogate, written \uD800
        {
            throw new SkipwiseException($"{origin}: the line is not valid Unicode text", e);
        }
    }
}
