using Parquet;
using Parquet.Schema;

namespace Skipwise.Text;

/// <summary>Documents from one string column of a Parquet file; only that column is read, a row group at a time. A null is a document without text.</summary>
internal static class ParquetRows
{
    /// <summary>A file that claims more rows than this for each of its bytes is broken: even a column of nulls takes some.</summary>
    private const long MostRowsPerByte = 1000;

    public static IEnumerable<Document> Read(string path, string? named)
    {
        using var file = Guarded(path, () => new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 16));
        var reader = Guarded(path, () => ParquetReader.CreateAsync(file).GetAwaiter().GetResult());
        try
        {
            var column = Guarded(path, () => Column(reader.Schema, path, named));
            int row = 1;
            for (int group = 0; group < reader.RowGroupCount; group++)
            {
                int index = group;
                foreach (string? text in Guarded(path, () => ReadGroup(reader, index, column, file.Length)))
                {
                    yield return new Document(text ?? "", $"{path}#{row++}") { Field = column.Name };
                }
            }
        }
        finally
        {
            reader.DisposeAsync().AsTask().GetAwaiter().GetResult();
        }
    }

    private static DataField Column(ParquetSchema schema, string path, string? named)
    {
        var columns = schema.Fields.ToDictionary(field => field.Name, StringComparer.Ordinal);
        return (DataField)columns[TextField.Choose([.. columns.Keys], IsText, named, path)];

        bool IsText(string name) => columns[name] is DataField { IsArray: false } field
            && (field.ClrType == typeof(string) || field.ClrType == typeof(ReadOnlyMemory<char>)); // the second is what a reader sees
    }

    private static string?[] ReadGroup(ParquetReader reader, int group, DataField column, long fileLength)
    {
        using var rows = reader.OpenRowGroupReader(group);
        if (rows.RowCount < 0 || rows.RowCount > fileLength * MostRowsPerByte)
        {
            throw new InvalidDataException($"row group {group} claims {rows.RowCount} rows");
        }
        string?[] texts = new string?[rows.RowCount];
        rows.ReadAsync(column, texts.AsMemory()!).AsTask().GetAwaiter().GetResult();
        return texts;
    }

    /// <summary>Parquet.Net meets a damaged file with whatever exception it runs into.</summary>
    private static T Guarded<T>(string path, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception e) when (e is FileNotFoundException or UnauthorizedAccessException)
        {
            throw new SkipwiseException($"{path}: cannot be read: {e.Message}", e);
        }
        catch (Exception e) when (e is not (SkipwiseException or OperationCanceledException))
        {
            throw new SkipwiseException($"{path}: broken or cut .parquet file: {e.Message}", e);
        }
    }
}
