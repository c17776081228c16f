using System.Security.Cryptography;

namespace Skipwise.Storage;

/// <summary>
/// Writes a file atomically, also with regard to power failures: to a temporary file next to the target, which is flushed to disk and
/// renamed. If the target is a link, the file that it points to is replaced.
/// </summary>
internal static class AtomicFile
{
    /// <summary>Suffix of the names of incomplete files and folders.</summary>
    public const string Suffix = ".incomplete";

    private const int RandomDigits = 8;

    /// <summary>Writes a file.</summary>
    /// <param name="isPrivate">whether other users of the machine may not read it</param>
    /// <exception cref="SkipwiseException">the disk is full or fails, or the folder cannot be written; no partial file remains</exception>
    public static void Write(string path, Action<FileStream> write, bool isPrivate = false) =>
        Create(path, file => write(file.Stream), isPrivate);

    /// <summary>Writes a file whose checksum is needed before it gets its name.</summary>
    /// <param name="beforeRename">called with the size and checksum of the complete content</param>
    /// <inheritdoc cref="Write(string, Action{FileStream}, bool)"/>
    public static void Write(string path, Action<Stream> write, Action<FileChecksum> beforeRename) => Create(path, file =>
    {
        using var content = new ChecksumStream(file.Stream);
        write(content);
        beforeRename(content.Checksum);
    });

    private static void Create(string path, Action<NewFile> write, bool isPrivate = false)
    {
        RequireNothingElse(path);
        try
        {
            using var file = new NewFile(path, isPrivate: isPrivate);
            write(file);
            file.Commit();
        }
        catch (Exception e) when (FileSystem.ReasonOf(e) is { } reason)
        {
            throw new SkipwiseException(
                $"{path}: cannot be written: {reason}. Free some space, or choose another folder; nothing half-written was left", e);
        }
    }

    /// <inheritdoc cref="Write(string, Action{FileStream}, bool)"/>
    public static void WriteText(string path, string text) => Write(path, stream => stream.Write(System.Text.Encoding.UTF8.GetBytes(text)));

    /// <summary>Refuses a target that is not an ordinary file.</summary>
    /// <exception cref="SkipwiseException">the target is a pipe, a device or a socket</exception>
    internal static void RequireNothingElse(string path)
    {
        if (InputFile.KindOf(path) is { } kind)
        {
            throw new SkipwiseException($"{path}: is {kind}, so no file takes its place. Name a file");
        }
    }

    /// <summary>An unpredictable name next to <paramref name="path"/>, so that no one can have placed a link there.</summary>
    internal static string TemporaryName(string path, string suffix) =>
        $"{path}.{RandomNumberGenerator.GetHexString(RandomDigits, lowercase: true)}{suffix}";

    /// <summary>The files with names of <see cref="TemporaryName"/> that killed processes have left in a folder.</summary>
    /// <param name="name">name of the target; null: any</param>
    internal static IReadOnlyList<string> Leftovers(string folder, string? name, string suffix) =>
    [
        .. Directory.EnumerateFileSystemEntries(folder, $"*{suffix}")
            .Where(entry => TargetOf(entry) is { } target && (name ?? Path.GetFileName(target)) == Path.GetFileName(target)),
    ];

    /// <returns>the target of a temporary name; null if it is not one of <see cref="TemporaryName"/></returns>
    internal static string? TargetOf(string temporary)
    {
        string bare = Path.ChangeExtension(temporary, null), digits = Path.GetExtension(bare);
        return digits.Length == 1 + RandomDigits && digits.Skip(1).All(char.IsAsciiHexDigitLower)
            ? Path.ChangeExtension(bare, null) : null;
    }
}
