using System.Text.Json;

namespace Skipwise.Storage;

/// <summary>
/// <c>skipwise.json</c>: says of a folder that Skipwise wrote it, as what, and which of its files, with their sizes and checksums. Nothing
/// else in the folder is ever deleted or replaced, and a damaged file is found.
/// </summary>
/// <param name="Kind">what the folder is: only its own kind takes its place</param>
/// <param name="Files">by their names in the folder</param>
internal sealed record FolderManifest(string Kind, IReadOnlyDictionary<string, FileChecksum> Files)
{
    public const string FileName = "skipwise.json";
    private static readonly JsonSerializerOptions s_json =
        new()
        {
            WriteIndented = true,
            PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
            RespectNullableAnnotations = true,
            RespectRequiredConstructorParameters = true,
        };

    /// <summary>Of all files that lie in a folder now.</summary>
    public static FolderManifest Create(string folder, string kind) =>
        new(kind, Directory.EnumerateFiles(folder).Order(StringComparer.Ordinal)
            .ToDictionary(file => Path.GetFileName(file), FileChecksum.Compute));

    /// <returns>null where none is, or something else of its name</returns>
    public static FolderManifest? Find(string folder) => FindFile(Path.Combine(folder, FileName));

    /// <inheritdoc cref="Find"/>
    public static FolderManifest? FindFile(string path)
    {
        try
        {
            return File.Exists(path) ? JsonSerializer.Deserialize<FolderManifest>(TextFile.Read(path), s_json) : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    public void Write(string folder) => WriteFile(Path.Combine(folder, FileName));

    public void WriteFile(string path) => AtomicFile.WriteText(path, JsonSerializer.Serialize(this, s_json) + "\n");

    /// <summary>Whether a file in the folder is the one that Skipwise wrote, to the byte.</summary>
    public bool Owns(string file) =>
        Files.TryGetValue(Path.GetFileName(file), out FileChecksum? facts) && File.Exists(file) && facts == FileChecksum.Compute(file);

    /// <summary>
    /// As <see cref="Owns"/>, by the size alone: for files of a folder that has been looked at, or is too large to be read again.
    /// </summary>
    public bool MayOwn(string file) =>
        Files.TryGetValue(Path.GetFileName(file), out FileChecksum? facts) && File.Exists(file) && new FileInfo(file).Length == facts.Bytes;

    /// <summary>The first file that is missing or no longer what was written, in words; null if all are whole.</summary>
    /// <exception cref="SkipwiseException">a file cannot be read</exception>
    public string? Damage(string folder)
    {
        foreach ((string name, FileChecksum expected) in Files)
        {
            string path = Path.Combine(folder, name);
            FileChecksum? found;
            try
            {
                found = File.Exists(path) ? FileChecksum.Compute(path) : null;
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                return $"{path}: cannot be read: {e.Message}";
            }
            if (found != expected)
            {
                return found is null ? $"{path}: is missing" : $"{path}: is damaged: expected {expected}, found {found}";
            }
        }
        return null;
    }
}
