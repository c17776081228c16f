namespace Skipwise.Storage;

/// <summary>A lock for one writing process at a time. The system releases it when the process ends, however it ends.</summary>
internal sealed class FolderLock : IDisposable
{
    private readonly FileStream _file;

    private FolderLock(FileStream file) => _file = file;

    /// <summary>Takes the lock.</summary>
    /// <param name="path">of the lock file, which exists while the lock is held</param>
    /// <param name="busy">the error message if another process, or another part of this one, holds it</param>
    /// <exception cref="SkipwiseException">the lock is held</exception>
    /// <exception cref="IOException">the file cannot be created</exception>
    public static FolderLock Acquire(string path, string busy)
    {
        try
        {
            return new(new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 1,
                FileOptions.DeleteOnClose));
        }
        catch (IOException e) when (e.GetType() == typeof(IOException) && File.Exists(path))
        {
            throw new SkipwiseException(busy, e);
        }
    }

    public void Dispose() => _file.Dispose();
}
