using Skipwise.Storage;

namespace Skipwise.Documents;

/// <summary>The format of a file of documents.</summary>
internal enum DocumentKind
{
    Text,
    JsonLines,
    Json,
    Csv,
    Parquet,
}

/// <summary>Finds files of documents by their extensions.</summary>
internal static class DocumentFiles
{
    private const int MostNamed = 3;

    private static readonly (string Ending, DocumentKind Kind)[] s_plain =
    [
        (".txt", DocumentKind.Text), (".md", DocumentKind.Text), (".tex", DocumentKind.Text),
        (".jsonl", DocumentKind.JsonLines), (".json", DocumentKind.Json), (".csv", DocumentKind.Csv),
    ];

    private static readonly string[] s_packings = ["", CompressedFile.Gzip, CompressedFile.Zstandard];

    private static readonly (string Ending, DocumentKind Kind)[] s_endings =
        [.. s_packings.SelectMany(packing => s_plain.Select(p => (p.Ending + packing, p.Kind))), (".parquet", DocumentKind.Parquet)];

    /// <summary>The readable extensions, for error messages.</summary>
    private static string Readable
    {
        get
        {
            string plain = string.Join(", ", s_plain.Where(p => p.Kind is not DocumentKind.Json).Select(p => p.Ending));
            return $"{plain} (each also {CompressedFile.Gzip} or {CompressedFile.Zstandard}) and .parquet; "
                + $".json, if {OptionName.Of(nameof(DocumentOptions.Field))} names the field of its objects";
        }
    }

    /// <summary>The format of a file; null if it is not readable.</summary>
    public static DocumentKind? KindOf(string path) =>
        s_endings.Where(e => path.EndsWith(e.Ending, StringComparison.OrdinalIgnoreCase)).Select(e => (DocumentKind?)e.Kind)
        .FirstOrDefault();

    /// <summary>The files of the paths, in order, each once.</summary>
    /// <param name="remarks">receives notes for the user: files that are not read, and why; may be null</param>
    public static List<string> Find(IEnumerable<string> paths, DocumentOptions options, List<string>? remarks = null)
    {
        var files = new List<(string Path, string Real)>();
        foreach (string path in paths)
        {
            if (Directory.Exists(path))
            {
                files.AddRange(InFolder(path, options, remarks));
            }
            else if (!File.Exists(path))
            {
                throw new SkipwiseException($"{path}: no such file or folder");
            }
            else if (!IsRead(path, options))
            {
                throw new SkipwiseException($"{path}: it is not known to hold documents; they are read from {Readable}");
            }
            else
            {
                files.Add((path, FolderFiles.RealPath(path)));
            }
        }
        foreach (var same in files.GroupBy(file => file.Real).Where(same => same.Count() > 1))
        {
            string others = string.Join(" and ", same.Skip(1).Select(file => file.Path).Distinct());
            remarks?.Add($"{same.First().Path}: named {same.Count()} times, also as {others}; it is read once");
        }
        List<string> distinct = [.. files.DistinctBy(file => file.Real).Select(file => file.Path)];
        foreach (var duplicates in distinct.GroupBy(UncompressedName).Where(duplicates => duplicates.Count() > 1))
        {
            remarks?.Add(
                $"{string.Join(" and ", duplicates)}: all of them are read; if they are one text, plain and compressed, leave one");
        }
        return distinct.Count > 0 ? distinct : throw new SkipwiseException("no data was given; name a file or a folder with documents");
    }

    private static IEnumerable<(string Path, string Real)> InFolder(string folder, DocumentOptions options, List<string>? remarks)
    {
        IReadOnlyList<FoundFile> all = FolderFiles.Distinct(folder, _ => true);
        IReadOnlyList<FoundFile> files = FolderFiles.Distinct(folder, file => !file.IsHidden && IsRead(file.Path, options));
        if (files.Count == 0)
        {
            throw new SkipwiseException($"{folder}: none of its {all.Count} files holds documents; they are read from {Readable}");
        }
        FoundFile[] unread = [.. all.ExceptBy(files.Select(file => file.ResolvedPath), file => file.ResolvedPath)];
        Remark([.. unread.Where(file => !file.IsHidden)], "of other kinds", $"; documents are read from {Readable}");
        Remark([.. unread.Where(file => file.IsHidden && IsRead(file.Path, options))], "that are hidden", "");
        return files.Select(file => (Path.Combine(folder, file.Path), file.ResolvedPath));

        void Remark(FoundFile[] some, string which, string rule)
        {
            if (some.Length > 0)
            {
                string names = string.Join(", ", some.Take(MostNamed).Select(file => file.Path)) + (some.Length > MostNamed ? ", ..." : "");
                remarks?.Add($"{folder}: {some.Length} files {which} are not read ({names}){rule}");
            }
        }
    }

    /// <summary>Whether a file is read. A .json file may contain anything, such as settings, so it is read only if the user names the
    /// text's field.</summary>
    private static bool IsRead(string path, DocumentOptions options) =>
        KindOf(path) is { } kind && (kind is not DocumentKind.Json || options.Field is not null);

    private static string UncompressedName(string path) =>
        s_packings[1..].Any(packing => path.EndsWith(packing, StringComparison.OrdinalIgnoreCase))
            ? Path.ChangeExtension(path, null) : path;
}
