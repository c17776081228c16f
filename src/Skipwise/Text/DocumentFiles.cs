namespace Skipwise.Text;

/// <summary>How a file holds documents.</summary>
internal enum DocumentKind
{
    Text,
    JsonLines,
    Csv,
    Parquet,
}

/// <summary>Which files hold documents, told by the endings of their names.</summary>
internal static class DocumentFiles
{
    private static readonly (string Ending, DocumentKind Kind)[] s_plain =
    [
        (".txt", DocumentKind.Text), (".md", DocumentKind.Text), (".tex", DocumentKind.Text), (".jsonl", DocumentKind.JsonLines), (".csv", DocumentKind.Csv),
    ];

    private static readonly (string Ending, DocumentKind Kind)[] s_endings =
        [.. ((string[])["", PackedFile.Gzip, PackedFile.Zstandard]).SelectMany(packing => s_plain.Select(p => (p.Ending + packing, p.Kind))), (".parquet", DocumentKind.Parquet)];

    /// <summary>What the errors name as readable.</summary>
    private static string Readable => $"{string.Join(", ", s_plain.Select(p => p.Ending))} (each also {PackedFile.Gzip} or {PackedFile.Zstandard}) and .parquet";

    /// <summary>Null: a file of another kind.</summary>
    public static DocumentKind? KindOf(string path) =>
        s_endings.Where(e => path.EndsWith(e.Ending, StringComparison.OrdinalIgnoreCase)).Select(e => (DocumentKind?)e.Kind).FirstOrDefault();

    /// <summary>The files behind the paths, in order.</summary>
    public static List<string> Find(IEnumerable<string> paths)
    {
        var files = new List<string>();
        foreach (string path in paths)
        {
            if (Directory.Exists(path))
            {
                files.AddRange(InFolder(path));
            }
            else if (!File.Exists(path))
            {
                throw new SkipwiseException($"{path}: no such file or folder");
            }
            else if (KindOf(path) is null)
            {
                throw new SkipwiseException($"{path}: unknown kind of file; documents are read from {Readable}");
            }
            else
            {
                files.Add(path);
            }
        }
        return files.Count > 0 ? files : throw new SkipwiseException("no data was given; name a file or a folder with documents");
    }

    private static List<string> InFolder(string folder)
    {
        string[] all;
        try
        {
            all = [.. Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)
                .Select(file => Path.GetRelativePath(folder, file).Replace('\\', '/'))
                .Where(file => !file.Split('/').Any(part => part.StartsWith('.')))
                .Order(StringComparer.Ordinal)];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new SkipwiseException($"{folder}: cannot be read: {e.Message}", e);
        }
        List<string> files = [.. all.Where(file => KindOf(file) is not null).Select(file => Path.Combine(folder, file))];
        return files.Count > 0
            ? files
            : throw new SkipwiseException($"{folder}: none of its {all.Length} files holds documents; they are read from {Readable}");
    }
}
