using System.Text.Json;

namespace Skipwise.Storage;

/// <summary>Reads and writes files of JSON lines: one record per line, in snake_case (<see cref="ReportJson.Line"/>).</summary>
internal static class JsonLines
{
    /// <summary>Writes a whole file of records atomically.</summary>
    /// <exception cref="SkipwiseException">the file cannot be written</exception>
    public static void Write<T>(string path, IEnumerable<T> records) => AtomicFile.WriteText(path, Text(records));

    /// <summary>The records as lines.</summary>
    public static string Text<T>(IEnumerable<T> records) =>
        string.Concat(records.Select(record => JsonSerializer.Serialize(record, ReportJson.Line) + "\n"));

    /// <summary>Reads all records. A last line without a line end (after a crash) is not read.</summary>
    /// <exception cref="SkipwiseException">the file cannot be read, or a complete line is not such a record; names the line</exception>
    public static IReadOnlyList<T> Read<T>(string path)
    {
        string[] lines = TextFile.Read(path).Split('\n');
        var records = new List<T>();
        for (int i = 0; i < lines.Length - 1; i++) // the text after the last line end is empty or incomplete
        {
            if (string.IsNullOrWhiteSpace(lines[i]))
            {
                continue;
            }
            try
            {
                records.Add(JsonText.Deserialize<T>(lines[i], ReportJson.Line));
            }
            catch (JsonException e)
            {
                throw new SkipwiseException($"{path}, line {i + 1}: not a record of this log: {e.Message} Mend or remove the line", e);
            }
        }
        return records;
    }
}
