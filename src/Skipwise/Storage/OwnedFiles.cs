using System.Text.Json;

namespace Skipwise.Storage;

/// <summary>
/// Files that Skipwise writes into a folder that may contain others. A small file next to them lists them with checksums; other files are
/// not replaced.
/// </summary>
/// <param name="list">the file that lists them; names in it are relative to its folder</param>
/// <param name="remedy">what an error advises to change</param>
/// <param name="overEmpty">whether an empty file may be replaced, even if Skipwise did not write it</param>
internal sealed class OwnedFiles(string list, string remedy = "place", bool overEmpty = false)
{
    /// <summary>Suffix of the names of such lists.</summary>
    public const string Ending = ".skipwise.json";

    private static readonly JsonSerializerOptions s_json =
        new() { WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };
    private readonly string _folder = Path.GetDirectoryName(Path.GetFullPath(list))!;

    /// <summary>Checks that files may be written.</summary>
    /// <exception cref="SkipwiseException">a file of one of these names exists that Skipwise did not write, or that has changed
    /// since</exception>
    public void RequireReplaceable(IEnumerable<string> names)
    {
        Dictionary<string, FileChecksum[]> own = Read();
        foreach (string name in names)
        {
            string path = Path.Combine(_folder, name);
            if (Path.Exists(path) && !(overEmpty && IsEmpty(path))
                && !(File.Exists(path) && own.TryGetValue(name, out FileChecksum[]? facts) && facts.Contains(FileChecksum.Compute(path))))
            {
                string why = own.ContainsKey(name) ? "has changed since Skipwise wrote it"
                    : $"exists, and Skipwise did not write it ({Path.GetFileName(list)} does not list it)";
                throw new SkipwiseException($"{path}: {why}, so it is not replaced. Choose another {remedy}, or move the file away");
            }
        }
    }

    /// <summary>Writes the files, each atomically. Creates folders.</summary>
    /// <exception cref="SkipwiseException">see <see cref="RequireReplaceable"/>; a file cannot be written</exception>
    public void Write(IReadOnlyList<(string Name, byte[] Content)> files)
    {
        RequireReplaceable(files.Select(file => file.Name));
        Dictionary<string, FileChecksum[]> own = Read();
        // A file is listed before it is written, together with the old one, so that a killed process leaves no unlisted file.
        foreach ((string name, byte[] content) in files)
        {
            own[name] = [.. own.GetValueOrDefault(name, []), FileChecksum.Compute(content)];
        }
        Save(own);
        foreach ((string name, byte[] content) in files)
        {
            string path = Path.Combine(_folder, name);
            Make(Path.GetDirectoryName(path)!);
            AtomicFile.Write(path, stream => stream.Write(content));
            own[name] = [own[name][^1]];
        }
        Save(own);
    }

    /// <summary>Writes one file atomically whose content is not in memory.</summary>
    /// <param name="write">writes the content from beginning to end</param>
    /// <exception cref="SkipwiseException">see <see cref="RequireReplaceable"/>; the file cannot be written</exception>
    public void Write(string name, Action<Stream> write)
    {
        RequireReplaceable([name]);
        Dictionary<string, FileChecksum[]> own = Read();
        AtomicFile.Write(Path.Combine(_folder, name), write, written =>
        {
            own[name] = [.. own.GetValueOrDefault(name, []), written]; // listed before it has its name, as in the other method
            Save(own);
        });
        own[name] = [own[name][^1]];
        Save(own);
    }

    private static bool IsEmpty(string path) =>
        File.Exists(path) && ((FileInfo?)File.ResolveLinkTarget(path, returnFinalTarget: true) ?? new FileInfo(path)).Length == 0;

    private Dictionary<string, FileChecksum[]> Read()
    {
        try
        {
            return File.Exists(list)
                ? JsonSerializer.Deserialize<Dictionary<string, FileChecksum[]>>(TextFile.Read(list), s_json) ?? []
                : [];
        }
        catch (JsonException e)
        {
            throw new SkipwiseException(
                $"{list}: does not list the files that Skipwise wrote: {e.Message} Move it away, and the files that it lists", e);
        }
    }

    private void Save(Dictionary<string, FileChecksum[]> own)
    {
        Make(_folder);
        AtomicFile.WriteText(list,
            JsonSerializer.Serialize(own.OrderBy(file => file.Key, StringComparer.Ordinal).ToDictionary(), s_json) + "\n");
    }

    private static void Make(string folder)
    {
        try
        {
            Directory.CreateDirectory(folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new SkipwiseException($"{folder}: the folder cannot be made: {e.Message}. Choose another place", e);
        }
    }
}
