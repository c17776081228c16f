using Skipwise.Storage;

namespace Skipwise.Documents;

/// <summary>Reads rows of named values from JSON lines, JSON lists, CSV (each also .gz or .zst) and parquet files. Every row is a JSON
/// object with its place.</summary>
internal static class RowReader
{
    private static readonly string[] s_kinds = [".jsonl", ".parquet", ".json", ".csv"];

    /// <summary>The readable formats, for messages.</summary>
    public const string Kinds = ".jsonl, .json, .csv (each also .gz or .zst) or .parquet";

    /// <summary>The format by the file's extension, in order of preference from 0; null for other files.</summary>
    public static int? KindOf(string path) => Array.FindIndex(s_kinds, kind => HasEnding(path, kind)) is var kind and >= 0 ? kind : null;

    /// <summary>Reads whole rows, in the file's order.</summary>
    /// <exception cref="SkipwiseException">the file cannot be read, is damaged, or does not contain rows; while enumerating</exception>
    public static IEnumerable<LocatedJson> Read(string path, LimitOptions limits) => KindOf(path) switch
    {
        0 => JsonRows.Lines(path, limits),
        1 => ParquetRows(path),
        2 => JsonRows.Values(path, limits),
        3 => CsvTable.Rows(path, limits),
        _ => throw new SkipwiseException($"{path}: unknown kind of file; rows are read from {Kinds}"),
    };

    private static bool HasEnding(string path, string kind) =>
        path.EndsWith(kind, StringComparison.OrdinalIgnoreCase)
        || (kind != ".parquet"
            && new[] { CompressedFile.Gzip,
                CompressedFile.Zstandard }.Any(compressed => path.EndsWith(kind + compressed, StringComparison.OrdinalIgnoreCase)));

    private static IEnumerable<LocatedJson> ParquetRows(string path)
    {
        OptionalPackage.Require("ParquetSharp", path, "Parquet files");
        return ParquetFile.Rows(path);
    }
}
