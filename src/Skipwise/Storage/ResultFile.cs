using System.Text;

namespace Skipwise.Storage;

/// <summary>
/// A file of results that a user names. The list beside it, <c>FILE.skipwise.json</c>, tells that Skipwise wrote it; only then is it
/// replaced, or if it is empty.
/// </summary>
public static class ResultFile
{
    /// <summary>Asked before long work whose results go there.</summary>
    /// <exception cref="SkipwiseException">a file is there that Skipwise did not write, or that has changed since; a pipe or a
    /// device</exception>
    public static void RequireReplaceable(string path)
    {
        AtomicFile.RequireNothingElse(path);
        ListOf(path).RequireReplaceable([Path.GetFileName(path)]);
    }

    /// <summary>Writes the text; the file appears complete or not at all.</summary>
    /// <exception cref="SkipwiseException">as of <see cref="RequireReplaceable"/>; there is no such folder, or the file cannot be
    /// written</exception>
    public static void Write(string path, string text)
    {
        if (Path.GetDirectoryName(Path.GetFullPath(path)) is { } folder && !Directory.Exists(folder))
        {
            throw new SkipwiseException($"{path}: there is no folder {folder}. Make it first");
        }
        AtomicFile.RequireNothingElse(path);
        ListOf(path).Write([(Path.GetFileName(path), Encoding.UTF8.GetBytes(text))]);
    }

    private static OwnedFiles ListOf(string path) => new(Path.GetFullPath(path) + OwnedFiles.Ending, "name", overEmpty: true);
}
