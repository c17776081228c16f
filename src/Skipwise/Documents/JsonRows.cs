using System.Text.Json;
using Skipwise.Storage;

namespace Skipwise.Documents;

/// <summary>Reads rows of JSON objects: one per line (.jsonl), or in a list (.json).</summary>
internal static class JsonRows
{
    private static readonly JsonSerializerOptions s_stream = new() { AllowDuplicateProperties = false };

    /// <summary>Reads one row per line. Blank lines are skipped.</summary>
    /// <exception cref="SkipwiseException">the file cannot be read, or a line is not JSON; while enumerating</exception>
    public static IEnumerable<LocatedJson> Lines(string path, LimitOptions limits)
    {
        (StreamReader reader, RowStream rows) = CompressedFile.OpenText(path, limits);
        using StreamReader _ = reader;
        for (int line = 1; Next(line) is { } json; line++)
        {
            if (!string.IsNullOrWhiteSpace(json))
            {
                yield return Parse($"{path}:{line}", json);
            }
        }

        string? Next(int line)
        {
            rows.Begin($"{path}:{line}");
            return CompressedFile.Guarded(path, reader.ReadLine);
        }
    }

    /// <summary>
    /// Reads the items of a list, or else the file's consecutive values. One is in memory at a time.
    /// </summary>
    /// <exception cref="SkipwiseException">the file cannot be read, or is not JSON; while enumerating</exception>
    public static IEnumerable<LocatedJson> Values(string path, LimitOptions limits)
    {
        bool isList = BeginsWithList(path, limits);
        (Stream stream, RowStream rows) = CompressedFile.OpenBytes(path, limits);
        using Stream _ = stream;
        using IEnumerator<JsonElement> values = JsonSerializer
            .DeserializeAsyncEnumerable<JsonElement>(stream, topLevelValues: !isList, s_stream).ToBlockingEnumerable().GetEnumerator();
        for (int number = 1; Next(number); number++)
        {
            yield return LocatedJson.At($"{path}#{number}", values.Current);
        }

        bool Next(int number)
        {
            rows.Begin($"{path}#{number}");
            try
            {
                if (!CompressedFile.Guarded(path, values.MoveNext))
                {
                    return false;
                }
            }
            catch (JsonException e)
            {
                throw new SkipwiseException($"{path}: broken JSON in line {e.LineNumber + 1}: {e.Message}", e);
            }
            RequireUnicode($"{path}#{number}", values.Current);
            return true;
        }
    }

    private static bool BeginsWithList(string path, LimitOptions limits)
    {
        using StreamReader reader = CompressedFile.OpenText(path, limits).Text;
        int first;
        do
        {
            first = CompressedFile.Guarded(path, reader.Read);
        }
        while (first >= 0 && char.IsWhiteSpace((char)first));
        return first == '[';
    }

    private static void RequireUnicode(string place, JsonElement value)
    {
        try
        {
            JsonText.RequireUnicode(value.GetRawText());
        }
        catch (JsonException e)
        {
            throw new SkipwiseException($"{place}: broken JSON: {e.Message}", e);
        }
    }

    private static LocatedJson Parse(string place, string json)
    {
        try
        {
            return LocatedJson.Parse(place, json);
        }
        catch (JsonException e)
        {
            throw new SkipwiseException($"{place}: broken JSON: {e.Message}", e);
        }
    }
}
