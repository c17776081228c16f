using System.Text;

namespace Skipwise.Reports;

/// <summary>Writes a file so that its name only ever shows a complete one: beside the target, flushed, then renamed.</summary>
internal static class WholeFile
{
    /// <exception cref="SkipwiseException">the folder cannot be written or the disk is full; the old file stays as it was</exception>
    public static void WriteText(string path, string text)
    {
        string temporary = path + ".incomplete";
        try
        {
            using (var stream = new FileStream(temporary, FileMode.Create, FileAccess.Write))
            {
                stream.Write(Encoding.UTF8.GetBytes(text));
                stream.Flush(flushToDisk: true);
            }
            File.Move(temporary, path, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            TryDelete(temporary);
            throw new SkipwiseException($"{path}: cannot be written: {e.Message}. Free some space or choose another folder", e);
        }
    }

    /// <exception cref="SkipwiseException">the file is missing or cannot be read</exception>
    public static string ReadText(string path)
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

    private static void TryDelete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException) { } // the first error is the one to tell
    }
}
