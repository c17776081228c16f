namespace Skipwise.Checkpoints;

/// <summary>Writes a file so that its name only ever shows a complete one: written beside the target, flushed to the disk, then renamed.</summary>
public static class AtomicFile
{
    /// <summary>What is added to the name while the file is incomplete.</summary>
    public const string Suffix = ".incomplete";

    /// <exception cref="SkipwiseException">the disk is full, or the folder cannot be written; nothing half-written stays behind</exception>
    public static void Write(string path, Action<FileStream> write)
    {
        string temporary = path + Suffix;
        try
        {
            using (var stream = new FileStream(temporary, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 1 << 16))
            {
                write(stream);
                stream.Flush(flushToDisk: true);
            }
            File.Move(temporary, path, overwrite: true);
        }
        catch (Exception e)
        {
            TryDelete(temporary);
            if (e is IOException or UnauthorizedAccessException)
            {
                throw new SkipwiseException($"{path}: cannot be written: {e.Message}. Free some space, or choose another folder; nothing half-written was left", e);
            }
            throw;
        }
    }

    /// <inheritdoc cref="Write(string, Action{FileStream})"/>
    public static void WriteText(string path, string text) => Write(path, stream => stream.Write(System.Text.Encoding.UTF8.GetBytes(text)));

    private static void TryDelete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException) { } // the first error is the one to tell
    }
}
