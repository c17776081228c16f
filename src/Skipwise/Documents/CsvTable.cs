using System.Text.Json;
using CsvHelper;
using Skipwise.Storage;

namespace Skipwise.Documents;

/// <summary>
/// Reads comma-separated values (RFC 4180): the first record names the columns, a quoted field may contain commas, quotes and line ends.
/// Blank lines are skipped.
/// </summary>
internal sealed class CsvTable : IDisposable
{
    private const string Rule = "a field that holds a comma, a quote or a line end stands in quotes, and a quote in it is written twice";
    private readonly string _path;
    private readonly RowStream _rows;
    private readonly CsvReader _reader;
    private List<string>? _columns;

    private CsvTable(string path, LimitOptions limits)
    {
        _path = path;
        (Stream bytes, _rows) = CompressedFile.OpenBytes(path, limits);
        _reader = CsvReader.Create(bytes, new CsvReaderOptions
        {
            HasHeader = false, // the header is read like other records, by the same rules
            Separator = ',',
            MalformedData = CsvMalformedDataHandling.Throw,
            TrackLineNumbers = true,
        });
    }

    /// <summary>The place of the current row, for error messages.</summary>
    private string Place => PlaceOf(_reader.RowNumber);

    /// <summary>Reads documents from one column.</summary>
    /// <param name="named">the column; null: the one with a usual name</param>
    /// <exception cref="SkipwiseException">
    /// the file cannot be read; no or several candidate columns; a row with a wrong number of fields; while enumerating
    /// </exception>
    public static IEnumerable<Document> Documents(string path, string? named, LimitOptions limits)
    {
        using var table = new CsvTable(path, limits);
        if (table.ReadHeader() is not { } columns)
        {
            yield break;
        }
        string field = TextField.Choose(columns, _ => true, named, path);
        table.RequireOnce(field);
        for (int column = columns.IndexOf(field); table.Next();)
        {
            yield return new Document(table._reader.GetString(column), table.Place) { Field = field };
        }
    }

    /// <summary>Reads whole rows with all values as strings. Columns without a name (row numbers that some programs write) are
    /// skipped.</summary>
    /// <exception cref="SkipwiseException">
    /// the file cannot be read, or is empty; two columns have the same name; a row with a wrong number of fields; while enumerating
    /// </exception>
    public static IEnumerable<LocatedJson> Rows(string path, LimitOptions limits)
    {
        using var table = new CsvTable(path, limits);
        List<string> columns = table.ReadHeader()
            ?? throw new SkipwiseException($"{path}: the file is empty; its first row should name the columns");
        (int Index, string Name)[] named = [.. columns.Index().Where(column => column.Item.Length > 0)];
        foreach ((_, string name) in named)
        {
            table.RequireOnce(name);
        }
        while (table.Next())
        {
            Dictionary<string, string> row = named.ToDictionary(column => column.Name, column => table._reader.GetString(column.Index));
            yield return LocatedJson.At(table.Place, JsonSerializer.SerializeToElement(row));
        }
    }

    public void Dispose() => _reader.Dispose();

    /// <returns>null if the file is empty</returns>
    private List<string>? ReadHeader() => Next() ? _columns = [.. Enumerable.Range(0, _reader.FieldCount).Select(_reader.GetString)] : null;

    private void RequireOnce(string name)
    {
        if (_columns!.Count(column => column == name) > 1)
        {
            throw new SkipwiseException($"{_path}: its header names two columns \"{name}\". Give them different names");
        }
    }

    /// <summary>Moves to the next record, and checks that it has as many fields as the header.</summary>
    private bool Next()
    {
        _rows.Begin(PlaceOf(_reader.RowNumber + 1));
        try
        {
            if (!CompressedFile.Guarded(_path, _reader.Read))
            {
                return false;
            }
        }
        catch (CsvFormatException e)
        {
            throw new SkipwiseException($"{PlaceOf(e.RecordNumber)}: {e.Message.TrimEnd('.')}; {Rule}", e);
        }
        if (_columns is null || _reader.FieldCount == _columns.Count)
        {
            return true;
        }
        string found = $"the row has {_reader.FieldCount} fields where its header names {_columns.Count}";
        throw new SkipwiseException($"{Place}: {found} (line {_reader.LineNumber}); {Rule}");
    }

    /// <param name="record">from 1, the header</param>
    private string PlaceOf(long record) => $"{_path}#{record - 1}";
}
