namespace Skipwise.Storage;

/// <summary>
/// A file that grows under a temporary name beside its target and takes the target's name in <see cref="Commit"/>; disposed before, it
/// leaves nothing.
/// </summary>
internal sealed class NewFile : IDisposable
{
    private readonly string _target, _temporary;
    private bool _isRenamed;

    /// <exception cref="IOException">the folder is missing or cannot be written</exception>
    public NewFile(string path, int bufferSize = 1 << 16)
    {
        _target = RealPath.Resolve(path);
        foreach (string leftover in AtomicFile.Leftovers(Path.GetDirectoryName(_target)!, Path.GetFileName(_target), AtomicFile.Suffix)
            .Where(File.Exists))
        {
            TryDeleteAbandoned(leftover);
        }
        _temporary = AtomicFile.TemporaryName(_target, AtomicFile.Suffix);
        Stream = FileSystem.Create(_temporary, bufferSize);
    }

    public FileStream Stream { get; }

    /// <summary>Waits until all is on the disk, the new name too.</summary>
    /// <exception cref="IOException">the disk is full or fails</exception>
    public void Commit()
    {
        FileSystem.Sync(Stream);
        Stream.Dispose();
        FileSystem.Rename(_temporary, _target);
        _isRenamed = true;
        FileSystem.SyncFolder(Path.GetDirectoryName(_target)!);
    }

    public void Dispose()
    {
        if (_isRenamed)
        {
            return;
        }
        try
        {
            Stream.Dispose(); // writes out the buffer, and a full disk refuses that
        }
        catch (IOException) { } // the first error is the one to tell
        try
        {
            FileSystem.Delete(_temporary);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException) { }
    }

    /// <summary>Whoever writes a file holds it (<see cref="FileShare.None"/>); the system lets go of it when that process dies.</summary>
    private static void TryDeleteAbandoned(string file)
    {
        try
        {
            const FileOptions deletes = FileOptions.DeleteOnClose;
            new FileStream(file, FileMode.OpenOrCreate, FileAccess.Write, FileShare.None, bufferSize: 1, deletes).Dispose();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException) { } // somebody writes it at this moment
    }
}
