using System.Security.Cryptography;

namespace Skipwise.Storage;

/// <summary>
/// Writes a file so that its name only ever shows a complete one, also after a power failure: written beside the target, brought to the
/// disk, then renamed. A link stays a link: the file that it leads to is replaced.
/// </summary>
public static class AtomicFile
{
    /// <summary>How the name ends of what is incomplete.</summary>
    public const string Suffix = ".incomplete";

    private const int RandomDigits = 8;

    /// <exception cref="SkipwiseException">the disk is full or fails, or the folder cannot be written; nothing half-written stays
    /// behind</exception>
    public static void Write(string path, Action<FileStream> write)
    {
        RequireNothingElse(path);
        try
        {
            using var file = new NewFile(path);
            write(file.Stream);
            file.Commit();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new SkipwiseException(
                $"{path}: cannot be written: {e.Message}. Free some space, or choose another folder; nothing half-written was left", e);
        }
    }

    /// <inheritdoc cref="Write(string, Action{FileStream})"/>
    public static void WriteText(string path, string text) => Write(path, stream => stream.Write(System.Text.Encoding.UTF8.GetBytes(text)));

    /// <exception cref="SkipwiseException">a pipe, a device or a socket has the name</exception>
    internal static void RequireNothingElse(string path)
    {
        if (InputFile.KindOf(path) is { } kind)
        {
            throw new SkipwiseException($"{path}: is {kind}, so no file takes its place. Name a file");
        }
    }

    /// <summary>A name beside <paramref name="path"/> that nobody can foresee, so that no one has put a link there.</summary>
    internal static string TemporaryName(string path, string suffix) =>
        $"{path}.{RandomNumberGenerator.GetHexString(RandomDigits, lowercase: true)}{suffix}";

    /// <summary>What <see cref="TemporaryName"/> named in a folder and a process that was killed has left.</summary>
    /// <param name="name">of the target in the folder; null: of any</param>
    internal static IReadOnlyList<string> Leftovers(string folder, string? name, string suffix) =>
    [
        .. Directory.EnumerateFileSystemEntries(folder, $"*{suffix}")
            .Where(entry => TargetOf(entry) is { } target && (name ?? Path.GetFileName(target)) == Path.GetFileName(target)),
    ];

    /// <returns>null for a name that <see cref="TemporaryName"/> does not make</returns>
    internal static string? TargetOf(string temporary)
    {
        string bare = Path.ChangeExtension(temporary, null), digits = Path.GetExtension(bare);
        return digits.Length == 1 + RandomDigits && digits.Skip(1).All(char.IsAsciiHexDigitLower)
            ? Path.ChangeExtension(bare, null) : null;
    }
}
