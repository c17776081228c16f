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
            return Open(path, FileOptions.DeleteOnClose);
        }
        catch (IOException e) when (IsHeld(e))
        {
            throw new SkipwiseException(busy, e);
        }
    }

    /// <summary>Takes the lock if nobody holds it. The file stays afterwards: for programs that wait for a lock by its name, as Python's
    /// filelock does, a file that vanishes would be two locks.</summary>
    /// <returns>null if it is held</returns>
    /// <inheritdoc cref="Acquire" path="/exception[2]"/>
    public static FolderLock? TryAcquire(string path)
    {
        try
        {
            return Open(path, FileOptions.None);
        }
        catch (IOException e) when (IsHeld(e))
        {
            return null;
        }
    }

    public void Dispose() => _file.Dispose();

    private static FolderLock Open(string path, FileOptions options) =>
        new(new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 1, options));

    /// <summary>Another error, of a disk that cannot be written for example, does not end by waiting.</summary>
    private static bool IsHeld(IOException e)
    {
        const int sharingViolation = unchecked((int)0x80070020), again = 11, againOnMac = 35; // EWOULDBLOCK of flock
        return e.HResult == (OperatingSystem.IsWindows() ? sharingViolation : OperatingSystem.IsMacOS() ? againOnMac : again);
    }
}
