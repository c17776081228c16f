using System.Text.Json;

namespace Skipwise.Storage;

/// <summary>
/// The manifest <c>skipwise.json</c> of a folder that Skipwise wrote: the folder's kind, and its files with sizes and checksums. Other
/// files in the folder are never deleted or replaced, and damaged files are detected.
/// </summary>
/// <param name="Kind">the folder's kind; only a folder of the same kind may replace it</param>
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

    /// <summary>Creates the manifest of all complete files in a folder. A host may still see the temporary name of a file that another
    /// one has renamed.</summary>
    /// <param name="known">checksums of files in it, which are not read again, nor need this machine see their names yet</param>
    public static FolderManifest Create(string folder, string kind, IReadOnlyDictionary<string, FileChecksum>? known = null)
    {
        known ??= new Dictionary<string, FileChecksum>();
        return new(kind, Directory.EnumerateFiles(folder).Select(file => Path.GetFileName(file)).Where(name => !IsTemporary(name))
            .Union(known.Keys)
            .Order(StringComparer.Ordinal)
            .ToDictionary(name => name, name => known.GetValueOrDefault(name) ?? FileChecksum.Compute(Path.Combine(folder, name))));
    }

    private static bool IsTemporary(string name) =>
        name.EndsWith(AtomicFile.Suffix, StringComparison.Ordinal) && AtomicFile.TargetOf(name) is not null;

    /// <summary>Reads the manifest of a folder.</summary>
    /// <returns>null if there is none, or something else of its name</returns>
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

    /// <summary>Whether a file in the folder is exactly the one that Skipwise wrote.</summary>
    public bool Owns(string file) =>
        Files.TryGetValue(Path.GetFileName(file), out FileChecksum? facts) && File.Exists(file) && facts == FileChecksum.Compute(file);

    /// <summary>
    /// Like <see cref="Owns"/>, by the size alone: for a folder that was checked before, or is too large to be read again.
    /// </summary>
    public bool MayOwn(string file) =>
        Files.TryGetValue(Path.GetFileName(file), out FileChecksum? facts) && File.Exists(file) && new FileInfo(file).Length == facts.Bytes;

    /// <summary>A description of the first file that is missing or changed; null if all are intact.</summary>
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
