namespace Skipwise.Storage;

/// <summary>Reads whole text files, with errors that name them.</summary>
public static class TextFile
{
    /// <exception cref="SkipwiseException">the file is missing or cannot be read</exception>
    public static string Read(string path) => InputFile.ReadText(path, FileShare.ReadWrite); // a log may still be growing
}
