namespace Skipwise.Storage;

/// <summary>Says that one process at a time writes somewhere. The system lets go of it when that process ends, however it ends.</summary>
internal sealed class FolderLock : IDisposable
{
    private readonly FileStream _file;

    private FolderLock(FileStream file) => _file = file;

    /// <param name="path">of the lock itself: a file that is there for as long as it is held</param>
    /// <param name="busy">the error where another process, or another part of this one, holds it</param>
    /// <exception cref="SkipwiseException">it is held</exception>
    /// <exception cref="IOException">the file cannot be made</exception>
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
