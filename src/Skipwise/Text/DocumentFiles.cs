using ICSharpCode.SharpZipLib.GZip;

namespace Skipwise.Text;

/// <summary>Which files hold documents, and how their bytes are reached.</summary>
internal static class DocumentFiles
{
    private static readonly string[] s_endings = [".txt", ".md", ".tex", ".jsonl", ".txt.gz", ".md.gz", ".tex.gz", ".jsonl.gz"];

    public static bool IsJsonLines(string path) => Ending(path) is ".jsonl" or ".jsonl.gz";

    /// <summary>SharpZipLib unpacks .gz because GZipStream of .NET takes a file that was cut anywhere for a whole, shorter one.</summary>
    public static Stream Unpack(string path, Stream stream) =>
        !IsPacked(path) ? stream
        : stream.Length > 0 ? new GZipInputStream(stream, 1 << 16)
        : throw new InvalidDataException("the file is empty");

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
            else if (Ending(path) is null)
            {
                throw new SkipwiseException($"{path}: unknown kind of file; documents are read from {string.Join(", ", s_endings)}");
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
        List<string> files = [.. all.Where(file => Ending(file) is not null).Select(file => Path.Combine(folder, file))];
        return files.Count > 0
            ? files
            : throw new SkipwiseException($"{folder}: none of its {all.Length} files holds documents; they are read from {string.Join(", ", s_endings)}");
    }

    private static bool IsPacked(string path) => path.EndsWith(".gz", StringComparison.OrdinalIgnoreCase);

    private static string? Ending(string path) => Array.Find(s_endings, e => path.EndsWith(e, StringComparison.OrdinalIgnoreCase));
}
