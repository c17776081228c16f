using System.Text.Json;

namespace Skipwise.Text;

/// <summary>Rows of comma-separated values whose first record names the columns. All values are texts.</summary>
internal static class CsvRecords
{
    public static IEnumerable<JsonPlace> Read(string path)
    {
        using var reader = PackedFile.OpenText(path);
        List<string>? Next(int number) => PackedFile.Guarded(path, () => CsvRows.Record(reader, path, number));
        List<string> columns = Next(0) ?? throw new SkipwiseException($"{path}: the file is empty; its first row should name the columns");
        for (int number = 1; Next(number) is { } values; number++)
        {
            if (values is [""])
            {
                continue; // a blank line
            }
            string place = $"{path}#{number}";
            if (values.Count != columns.Count)
            {
                throw new SkipwiseException($"{place}: the row has {values.Count} fields where its header names {columns.Count}; a field that holds a comma, a quote or a line end stands in quotes");
            }
            var row = new Dictionary<string, string>();
            for (int i = 0; i < columns.Count; i++)
            {
                row[columns[i]] = values[i];
            }
            yield return JsonPlace.At(place, JsonSerializer.SerializeToElement(row));
        }
    }
}
