namespace Skipwise.Storage;

/// <summary>
/// A file that is written under a temporary name next to its target and renamed by <see cref="Commit"/>. Disposing it before that deletes
/// it.
/// </summary>
internal sealed class NewFile : IDisposable
{
    private readonly string _target, _temporary;
    private readonly EarlyFlush _early;
    private bool _isRenamed;

    /// <summary>Creates the temporary file.</summary>
    /// <param name="isPrivate">whether other users of the machine may not read it</param>
    /// <exception cref="IOException">the folder is missing or cannot be written</exception>
    public NewFile(string path, int bufferSize = 1 << 16, bool isPrivate = false)
    {
        _target = RealPath.Resolve(path);
        foreach (string leftover in AtomicFile.Leftovers(Path.GetDirectoryName(_target)!, Path.GetFileName(_target), AtomicFile.Suffix)
            .Where(File.Exists))
        {
            TryDeleteAbandoned(leftover);
        }
        _temporary = AtomicFile.TemporaryName(_target, AtomicFile.Suffix);
        Stream = FileSystem.Create(_temporary, bufferSize, isPrivate);
        _early = new(Stream);
    }

    public FileStream Stream { get; }

    /// <summary>Flushes the content to disk, renames the file and flushes the new name.</summary>
    /// <exception cref="IOException">the disk is full or fails</exception>
    public void Commit()
    {
        _early.Dispose();
        _early.RequireSuccess();
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
        _early.Dispose();
        try
        {
            Stream.Dispose(); // flushes the buffer, which fails if the disk is full
        }
        catch (Exception e) when (FileSystem.ReasonOf(e) is not null) { } // the first error is the one to report
        try
        {
            FileSystem.Delete(_temporary);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException) { }
    }

    /// <summary>Deletes an abandoned temporary file. Its writer holds it exclusively (<see cref="FileShare.None"/>) until that process
    /// ends.</summary>
    private static void TryDeleteAbandoned(string file)
    {
        try
        {
            const FileOptions deletes = FileOptions.DeleteOnClose;
            new FileStream(file, FileMode.OpenOrCreate, FileAccess.Write, FileShare.None, bufferSize: 1, deletes).Dispose();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException) { } // another process is writing it
    }
}
