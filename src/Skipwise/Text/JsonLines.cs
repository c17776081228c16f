using System.Text.Json;

namespace Skipwise.Text;

/// <summary>Documents from JSON lines: an object a line. A null where the text should be is a document without text.</summary>
internal static class JsonLines
{
    public static IEnumerable<Document> Read(string path, string? named)
    {
        using var reader = PackedFile.OpenText(path);
        string? field = null;
        for (int number = 1; PackedFile.Guarded(path, reader.ReadLine) is { } json; number++)
        {
            if (!string.IsNullOrWhiteSpace(json))
            {
                yield return ReadLine(json, $"{path}:{number}", named, ref field);
            }
        }
    }

    private static Document ReadLine(string json, string origin, string? named, ref string? field)
    {
        try
        {
            using var line = JsonDocument.Parse(json);
            var row = line.RootElement;
            if (row.ValueKind != JsonValueKind.Object)
            {
                throw new SkipwiseException($"{origin}: the line is {row.ValueKind} where an object was expected");
            }
            field ??= TextField.Choose(
                [.. row.EnumerateObject().Select(member => member.Name)], name => row.GetProperty(name).ValueKind is JsonValueKind.String or JsonValueKind.Null, named, origin);
            if (!row.TryGetProperty(field, out var text))
            {
                throw new SkipwiseException($"{origin}: there is no field \"{field}\", which the lines before have; there are {string.Join(", ", row.EnumerateObject().Select(member => $"\"{member.Name}\""))}");
            }
            return text.ValueKind is JsonValueKind.String or JsonValueKind.Null
                ? new Document(text.GetString() ?? "", origin) { Field = field }
                : throw new SkipwiseException($"{origin}: \"{field}\" is {text.ValueKind} where a string was expected");
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
