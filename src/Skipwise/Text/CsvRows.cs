using System.Text;

namespace Skipwise.Text;

/// <summary>Documents from comma-separated values (RFC 4180): the first record names the columns, a field in quotes may hold commas, quotes and line ends.</summary>
internal static class CsvRows
{
    public static IEnumerable<Document> Read(string path, string? named)
    {
        using var reader = PackedFile.OpenText(path);
        if (PackedFile.Guarded(path, () => Record(reader, path, 0)) is not { } columns)
        {
            yield break;
        }
        string field = TextField.Choose(columns, _ => true, named, path);
        int column = columns.IndexOf(field);
        for (int number = 1; PackedFile.Guarded(path, () => Record(reader, path, number)) is { } values; number++)
        {
            if (values is [""])
            {
                continue; // a blank line
            }
            yield return values.Count == columns.Count
                ? new Document(values[column], $"{path}#{number}") { Field = field }
                : throw new SkipwiseException($"{path}#{number}: the row has {values.Count} fields where its header names {columns.Count}; a field that holds a comma, a quote or a line end stands in quotes");
        }
    }

    /// <summary>The next record's fields, or null at the end of the file.</summary>
    internal static List<string>? Record(TextReader reader, string path, int number)
    {
        if (reader.Peek() < 0)
        {
            return null;
        }
        var fields = new List<string>();
        var field = new StringBuilder();
        for (bool quoted = false; ;)
        {
            int next = reader.Read();
            if (quoted)
            {
                if (next < 0)
                {
                    throw new SkipwiseException($"{path}#{number}: a quote is opened and never closed; the file may be cut");
                }
                if (next != '"')
                {
                    field.Append((char)next);
                }
                else if (reader.Peek() == '"')
                {
                    field.Append((char)reader.Read());
                }
                else
                {
                    quoted = false;
                }
            }
            else if (next == '"' && field.Length == 0)
            {
                quoted = true;
            }
            else if (next is ',' or '\n' or '\r' or < 0)
            {
                fields.Add(field.ToString());
                field.Clear();
                if (next == '\r' && reader.Peek() == '\n')
                {
                    reader.Read();
                }
                if (next != ',')
                {
                    return fields;
                }
            }
            else
            {
                field.Append((char)next);
            }
        }
    }
}
