using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Unicode;
using Apache.Arrow;
using Apache.Arrow.Types;
using ParquetSharp;
using ParquetSharp.Arrow;
using Skipwise.Storage;
using ArrowReader = ParquetSharp.Arrow.FileReader;

namespace Skipwise.Documents;

/// <summary>Reads Parquet files with Arrow's reader, a few rows at a time: one string column as documents, or whole rows.</summary>
internal static class ParquetFile
{
    /// <summary>Rows in memory at a time; few, because a row may be a book.</summary>
    private const int BatchRows = 64;

    private static readonly UTF8Encoding s_strict = new(false, throwOnInvalidBytes: true);

    /// <summary>Reads documents from one string column; the others are not read. A null is a document without text.</summary>
    /// <param name="named">the column; null: the one with a usual name</param>
    /// <exception cref="SkipwiseException">the file cannot be read or is damaged; or no or several candidate columns; while
    /// enumerating</exception>
    public static IEnumerable<Document> Documents(string path, string? named)
    {
        using ArrowReader reader = Open(path);
        var columns =
            Guarded(path,
                () => reader.SchemaManifest.SchemaFields.Select(column =>
                    (column.Field.Name, IsText: IsText(column.Field.DataType), column.ColumnIndex)).ToList());
        string name =
            TextField.Choose([.. columns.Select(column => column.Name)],
                name => columns.Any(column => column.Name == name && column.IsText), named, path);
        int index = columns.Count(column => column.Name == name) == 1 ? columns.First(column => column.Name == name).ColumnIndex
            : throw new SkipwiseException($"{path}: it has two columns \"{name}\". Give them different names");
        int row = 1;
        foreach (RecordBatch batch in Batches(path, reader, [index]))
        {
            for (int i = 0; i < batch.Length; i++)
            {
                string text = Guarded($"{path}#{row}", () => (string?)Value(batch.Column(0), i)) ?? "";
                yield return new Document(text, $"{path}#{row++}") { Field = name };
            }
        }
    }

    /// <summary>
    /// Reads whole rows, lists and structures included. Columns of dates and other types that JSON lacks are skipped; numbers that JSON
    /// lacks (NaN, infinity) and bytes that are not text are null.
    /// </summary>
    /// <exception cref="SkipwiseException">the file cannot be read or is broken; while enumerating</exception>
    public static IEnumerable<LocatedJson> Rows(string path)
    {
        using ArrowReader reader = Open(path);
        int row = 1;
        foreach (RecordBatch batch in Batches(path, reader, null))
        {
            for (int i = 0; i < batch.Length; i++)
            {
                string place = $"{path}, row {row++}";
                yield return LocatedJson.At(place,
                    Guarded(place, () => JsonSerializer.SerializeToElement(Members(batch.Schema.FieldsList, [.. batch.Arrays], i))));
            }
        }
    }

    private static ArrowReader Open(string path) => Guarded(path, () =>
    {
        InputFile.OpenHandle(path).Dispose(); // .NET's error for a file that cannot be opened is clearer than Arrow's
        using ReaderProperties properties = ReaderProperties.GetDefaultReaderProperties();
        properties.EnablePageChecksumVerification();
        using ArrowReaderProperties arrow = ArrowReaderProperties.GetDefault();
        arrow.BatchSize = BatchRows;
        arrow.UseThreads = false;
        return new ArrowReader(path, properties, arrow);
    });

    private static IEnumerable<RecordBatch> Batches(string path, ArrowReader reader, int[]? columns)
    {
        using var batches = Guarded(path, () => reader.GetRecordBatchReader(null, columns));
        while (Guarded(path, () => batches.ReadNextRecordBatchAsync().AsTask().GetAwaiter().GetResult()) is { } batch)
        {
            using (batch)
            {
                yield return batch;
            }
        }
    }

    private static bool IsText(IArrowType type) =>
        type.TypeId is ArrowTypeId.String or ArrowTypeId.LargeString or ArrowTypeId.StringView
        || (type is DictionaryType coded && IsText(coded.ValueType));

    private static JsonObject Members(IReadOnlyList<Field> fields, IReadOnlyList<IArrowArray> values, int row) =>
        new(fields.Zip(values).Where(member => Readable(member.First.DataType))
            .Select(member => KeyValuePair.Create(member.First.Name, Value(member.Second, row))));

    private static bool Readable(IArrowType type) => type switch
    {
        DictionaryType coded => Readable(coded.ValueType),
        StructType => true,
        NestedType list => list.TypeId is ArrowTypeId.List or ArrowTypeId.LargeList && Readable(list.Fields[0].DataType),
        _ => IsText(type) || type.TypeId is ArrowTypeId.Null or ArrowTypeId.Boolean or ArrowTypeId.Binary or ArrowTypeId.Decimal128
            or ArrowTypeId.Float or ArrowTypeId.Double or (>= ArrowTypeId.UInt8 and <= ArrowTypeId.Int64),
    };

    private static JsonNode? Value(IArrowArray column, int row) => column.IsNull(row) ? null : column switch
    {
        StringArray texts => texts.GetString(row, s_strict),
        LargeStringArray texts => texts.GetString(row, s_strict),
        StringViewArray texts => texts.GetString(row, s_strict),
        // old writers do not mark text columns
        BinaryArray bytes => Utf8.IsValid(bytes.GetBytes(row)) ? s_strict.GetString(bytes.GetBytes(row)) : null,
        BooleanArray truths => truths.GetValue(row),
        FloatArray numbers => numbers.GetValue(row) is { } value && float.IsFinite(value) ? value : null,
        DoubleArray numbers => numbers.GetValue(row) is { } value && double.IsFinite(value) ? value : null,
        Decimal128Array numbers => JsonNode.Parse(numbers.GetString(row)), // .NET's own decimal has fewer digits
        Int8Array numbers => numbers.GetValue(row),
        Int16Array numbers => numbers.GetValue(row),
        Int32Array numbers => numbers.GetValue(row),
        Int64Array numbers => numbers.GetValue(row),
        UInt8Array numbers => numbers.GetValue(row),
        UInt16Array numbers => numbers.GetValue(row),
        UInt32Array numbers => numbers.GetValue(row),
        UInt64Array numbers => numbers.GetValue(row),
        DictionaryArray coded =>
            Value(coded.Dictionary, Convert.ToInt32(Value(coded.Indices, row)!.ToString(), CultureInfo.InvariantCulture)),
        StructArray structures => Members(((StructType)structures.Data.DataType).Fields, structures.Fields, row),
        ListArray lists => List(lists.GetSlicedValues(row)),
        LargeListArray lists => List(lists.GetSlicedValues(row)),
        _ => throw new InvalidDataException($"a column of type {column.Data.DataType.Name} is not read"),
    };

    private static JsonArray List(IArrowArray items) => [.. Enumerable.Range(0, items.Length).Select(i => Value(items, i))];

    private static T Guarded<T>(string path, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException or UnauthorizedAccessException)
        {
            throw new SkipwiseException($"{path}: cannot be read: {e.Message}", e);
        }
        // Arrow throws several types of exceptions for damaged files
        catch (Exception e) when (e is not (SkipwiseException or OutOfMemoryException))
        {
            throw new SkipwiseException($"{path}: broken or cut .parquet file: {e.Message.ReplaceLineEndings(" ")}", e);
        }
    }
}
