namespace Skipwise.Storage;

/// <summary>
/// A folder in which one process at a time works, for as long as it holds this. If it made the folder and leaves nothing in it, the folder
/// is gone with it.
/// </summary>
internal sealed class FolderClaim : IDisposable
{
    /// <summary>Name of the file that is there meanwhile.</summary>
    public const string LockName = "run.lock";

    private readonly string _folder;
    private readonly bool _isNew;
    private readonly FolderLock _lock;

    private FolderClaim(string folder, bool isNew, FolderLock held) => (_folder, _isNew, _lock) = (folder, isNew, held);

    /// <exception cref="SkipwiseException">another process works there, or the folder cannot be made</exception>
    public static FolderClaim Acquire(string folder)
    {
        try
        {
            bool isNew = !Directory.Exists(folder);
            Directory.CreateDirectory(folder);
            string busy = $"{folder}: another process works in this folder. Wait for its end, or choose another --out";
            return new(folder, isNew, FolderLock.Acquire(Path.Combine(folder, LockName), busy));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new SkipwiseException($"{folder}: cannot be created: {e.Message}. Choose another folder with --out.", e);
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
            // another process has just come, or the folder went
            catch (Exception e) when (e is IOException or UnauthorizedAccessException) { }
        }
    }
}
