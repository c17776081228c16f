namespace Skipwise.Storage;

/// <summary>
/// Exclusive use of a folder by one process. If the process created the folder and leaves it empty, the folder is deleted.
/// </summary>
internal sealed class FolderClaim : IDisposable
{
    /// <summary>Name of the lock file in the folder.</summary>
    public const string LockName = "run.lock";

    private readonly string _folder;
    private readonly bool _isNew;
    private readonly FolderLock _lock;

    private FolderClaim(string folder, bool isNew, FolderLock held) => (_folder, _isNew, _lock) = (folder, isNew, held);

    /// <summary>Claims a folder, and creates it if necessary.</summary>
    /// <param name="folder">path of the folder</param>
    /// <param name="called">what errors that advise another folder call it</param>
    /// <exception cref="SkipwiseException">another process uses the folder, or it cannot be created</exception>
    public static FolderClaim Acquire(string folder, string called = "folder")
    {
        try
        {
            bool isNew = !Directory.Exists(folder);
            Directory.CreateDirectory(folder);
            string busy = $"{folder}: another process works in this folder. Wait for its end, or choose another {called}";
            return new(folder, isNew, FolderLock.Acquire(Path.Combine(folder, LockName), busy));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new SkipwiseException($"{folder}: cannot be created: {e.Message}. Choose another {called}.", e);
        }
    }

    public void Dispose()
    {
        _lock.Dispose();
        if (_isNew)
        {
            try
            {
                FileSystem.TryDeleteEmpty(_folder);
            }
            // another process has just claimed or deleted the folder
            catch (Exception e) when (e is IOException or UnauthorizedAccessException) { }
        }
    }
}
