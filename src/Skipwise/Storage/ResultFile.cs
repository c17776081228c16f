using System.Text;

namespace Skipwise.Storage;

/// <summary>
/// A file of results at a user's path. The list next to it, <c>FILE.skipwise.json</c>, records that Skipwise wrote it. Only such a file,
/// or an empty one, is replaced.
/// </summary>
internal static class ResultFile
{
    /// <summary>Checks before long work that its results can be written there.</summary>
    /// <exception cref="SkipwiseException">a file exists that Skipwise did not write, or that has changed since; a pipe or a
    /// device</exception>
    public static void RequireReplaceable(string path)
    {
        AtomicFile.RequireNothingElse(path);
        ListOf(path).RequireReplaceable([Path.GetFileName(path)]);
    }

    /// <summary>Checks that the folder of the file exists. A verb may still make it during its work.</summary>
    /// <exception cref="SkipwiseException">there is no such folder</exception>
    public static void RequireFolder(string path)
    {
        if (Path.GetDirectoryName(Path.GetFullPath(path)) is { } folder && !Directory.Exists(folder))
        {
            throw new SkipwiseException($"{path}: there is no folder {folder}. Make it first");
        }
    }

    /// <summary>Writes the content atomically.</summary>
    /// <exception cref="SkipwiseException">see <see cref="RequireReplaceable"/>; there is no such folder, or the file cannot be
    /// written</exception>
    public static void Write(string path, string text) => Write(path, Encoding.UTF8.GetBytes(text));

    /// <inheritdoc cref="Write(string, string)"/>
    public static void Write(string path, byte[] content)
    {
        RequireFolder(path);
        AtomicFile.RequireNothingElse(path);
        ListOf(path).Write([(Path.GetFileName(path), content)]);
    }

    /// <summary>Writes content that is not in memory.</summary>
    /// <param name="write">writes it from beginning to end</param>
    /// <inheritdoc cref="Write(string, string)" path="/exception"/>
    public static void Write(string path, Action<Stream> write)
    {
        RequireFolder(path);
        AtomicFile.RequireNothingElse(path);
        ListOf(path).Write(Path.GetFileName(path), write);
    }

    private static OwnedFiles ListOf(string path) => new(Path.GetFullPath(path) + OwnedFiles.Ending, "name", overEmpty: true);
}
