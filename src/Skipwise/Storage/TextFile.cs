namespace Skipwise.Storage;

/// <summary>Reads whole text files, with errors that name them.</summary>
public static class TextFile
{
    /// <exception cref="SkipwiseException">the file is missing or cannot be read</exception>
    public static string Read(string path)
    {
        try
        {
            using var reader = new StreamReader(new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite)); // a log may still be growing
            return reader.ReadToEnd();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new SkipwiseException($"{path}: cannot be read: {e.Message}. Check the path", e);
        }
    }
}
