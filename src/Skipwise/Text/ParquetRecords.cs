using System.Collections;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Parquet;
using Parquet.Serialization;

namespace Skipwise.Text;

/// <summary>Rows of a parquet file, lists and structures included. The file is read whole: benchmark files are small.</summary>
internal static class ParquetRecords
{
    public static IEnumerable<JsonPlace> Read(string path)
    {
        IList<Dictionary<string, object>> rows = Load(path);
        for (int row = 0; row < rows.Count; row++)
        {
            yield return JsonPlace.At($"{path}, row {row + 1}", JsonSerializer.SerializeToElement(Node(rows[row])));
        }
    }

    private static IList<Dictionary<string, object>> Load(string path)
    {
        try
        {
            return Task.Run(async () =>
            {
                await using FileStream file = File.OpenRead(path);
                return (await ParquetSerializer.DeserializeUntypedAsync(file, new ParquetOptions { TreatByteArrayAsString = true })).Data;
            }).GetAwaiter().GetResult();
        }
        catch (Exception e) when (e is not OutOfMemoryException) // a damaged file shows itself in many ways
        {
            throw new SkipwiseException($"{path}: no parquet rows can be read from it: {e.Message}", e);
        }
    }

    private static JsonNode? Node(object? value) => value switch
    {
        null => null,
        string text => text,
        ReadOnlyMemory<char> text => text.ToString(), // texts within lists come so
        byte[] bytes => Encoding.UTF8.GetString(bytes),
        bool truth => truth,
        IDictionary<string, object> structure => new JsonObject(structure.Select(member => KeyValuePair.Create(member.Key, Node(member.Value)))),
        IEnumerable list => new JsonArray([.. list.Cast<object?>().Select(Node)]),
        float or double or decimal => JsonValue.Create(Convert.ToDouble(value, CultureInfo.InvariantCulture)),
        sbyte or byte or short or ushort or int or uint or long => JsonValue.Create(Convert.ToInt64(value, CultureInfo.InvariantCulture)),
        _ => Convert.ToString(value, CultureInfo.InvariantCulture),
    };
}
