using System.Text.Json;
using Skipwise.Storage;

namespace Skipwise.Documents;

/// <summary>Reads documents from a field of JSON rows. A null is a document without text.</summary>
internal static class JsonDocuments
{
    /// <summary>Reads the documents.</summary>
    /// <param name="rows">JSON objects</param>
    /// <param name="named">the field; null: the one with a usual name</param>
    public static IEnumerable<Document> Read(IEnumerable<LocatedJson> rows, string? named)
    {
        string? field = null;
        foreach (LocatedJson row in rows)
        {
            yield return ReadRow(row.Element, row.File, named, ref field);
        }
    }

    private static Document ReadRow(JsonElement row, string origin, string? named, ref string? field)
    {
        if (row.ValueKind != JsonValueKind.Object)
        {
            throw new SkipwiseException($"{origin}: the row is {row.ValueKind} where an object was expected");
        }
        field ??= TextField.Choose(
            [.. row.EnumerateObject().Select(member => member.Name)],
            name => row.GetProperty(name).ValueKind is JsonValueKind.String or JsonValueKind.Null, named, origin);
        if (!row.TryGetProperty(field, out var text))
        {
            string found = string.Join(", ", row.EnumerateObject().Select(member => $"\"{member.Name}\""));
            throw new SkipwiseException($"{origin}: there is no field \"{field}\", which the rows before have; there are {found}");
        }
        return text.ValueKind is JsonValueKind.String or JsonValueKind.Null
            ? new Document(text.GetString() ?? "", origin) { Field = field }
            : throw new SkipwiseException($"{origin}: \"{field}\" is {text.ValueKind} where a string was expected");
    }
}
