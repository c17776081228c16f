using Skipwise.Storage;

namespace Skipwise.Hub;

/// <summary>
/// A folder of the user's choice with the files themselves. A manifest is in it from the first moment (<see cref="FolderManifest"/>), so
/// that a killed download can go on, and nothing that others have put there is replaced.
/// </summary>
internal sealed class PulledFolder : IHubTarget, IDisposable
{
    /// <summary>the kind of such a folder</summary>
    public const string Kind = "download";

    private const int HashDigits = 8; // as many as temporary names have
    private readonly Lock _lock = new();
    private readonly FolderClaim _claim;
    private readonly string? _cached;
    private readonly Dictionary<string, FileChecksum> _files;
    private (HubFile File, bool IsKept)[] _configuration = [];
    private readonly List<HubFile> _takenOut = [];

    /// <summary>Claims the folder.</summary>
    /// <param name="folder">need not exist</param>
    /// <param name="cached">folder of the same commit in the hub's cache, whose files need no download; null for none</param>
    /// <exception cref="SkipwiseException">the folder holds something else, or another process works in it</exception>
    public PulledFolder(string folder, string? cached)
    {
        (Folder, _cached) = (folder, cached);
        AtomicFolder.RequireEmptyOrOwned(folder, Kind);
        _claim = FolderClaim.Acquire(folder);
        try
        {
            FolderManifest? before = AtomicFolder.RequireEmptyOrOwned(folder, Kind, FolderClaim.LockName);
            _files = before?.Files.ToDictionary() ?? [];
            WriteManifest();
        }
        catch
        {
            _claim.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public string Folder { get; }

    /// <summary>
    /// Takes the configuration out of the folder, which is then no model until all files of the new commit are there.
    /// </summary>
    /// <exception cref="SkipwiseException">a file has changed since Skipwise wrote it</exception>
    /// <remarks>It is taken out before the first other file changes, so that a download of what is there changes nothing.</remarks>
    public void Open(IEnumerable<HubFile> configuration, CancellationToken stop) =>
        _configuration = [.. configuration.Select(file => (file, Has(file, stop)))];

    /// <summary>Takes the configuration out if a file of it is not what it has to be, before several are looked at at once.</summary>
    public void Close()
    {
        if (_configuration.Any(file => !file.IsKept))
        {
            TakeConfigurationOut();
        }
    }

    private void TakeConfigurationOut()
    {
        lock (_lock)
        {
            foreach ((HubFile file, bool isKept) in _configuration)
            {
                if (isKept)
                {
                    FileSystem.Rename(Entry(file), Partial(file));
                    _takenOut.Add(file);
                }
                else
                {
                    FileSystem.Delete(Entry(file));
                }
            }
            _configuration = [];
        }
    }

    /// <summary>Deletes what an earlier download has put there and this one has not.</summary>
    public void Prune(IEnumerable<HubFile> wanted)
    {
        HashSet<string> names = [.. wanted.Select(file => file.Name)];
        foreach (string name in _files.Keys.Where(name => !names.Contains(name)).ToArray())
        {
            if (Path.Combine(Folder, name) is var path && IsOwn(path))
            {
                TakeConfigurationOut();
                FileSystem.Delete(path);
            }
            _files.Remove(name);
        }
        WriteManifest();
    }

    /// <inheritdoc/>
    public Task<IDisposable?> Claim(HubFile file, CancellationToken stop) => Task.FromResult<IDisposable?>(null);

    /// <summary>By the content, which is read.</summary>
    /// <exception cref="SkipwiseException">another file has that name, and Skipwise did not write it</exception>
    public bool Has(HubFile file, CancellationToken stop)
    {
        string path = Entry(file);
        if (IsThere(file))
        {
            using var digest = new ContentDigest(file);
            using FileStream content = InputFile.Open(path);
            digest.Add(content, stop);
            FileChecksum checksum = digest.Checksum;
            if (digest.Finish() == file.Hash)
            {
                lock (_lock)
                {
                    _files[file.Name] = checksum;
                }
                return true;
            }
        }
        if (Path.Exists(path) && !IsOwn(path))
        {
            throw new SkipwiseException(
                $"{path}: is not as Skipwise wrote it, so it is not replaced. Choose another folder, or move it away");
        }
        return false;
    }

    /// <inheritdoc/>
    public bool IsThere(HubFile file) => new FileInfo(Entry(file)) is { Exists: true, LinkTarget: null } found && found.Length == file.Size;

    /// <inheritdoc/>
    public long PartialBytes(HubFile file) => File.Exists(Partial(file)) ? new FileInfo(Partial(file)).Length : 0;

    /// <summary>The incomplete file. If the hub's cache has the file, its content is copied there first.</summary>
    public string PartialOf(HubFile file, bool mayCopy, CancellationToken stop)
    {
        TakeConfigurationOut();
        string partial = Partial(file);
        if (mayCopy && _cached is not null && Path.Combine(_cached, file.Name) is var source && File.Exists(source)
            && new FileInfo(RealPath.Resolve(source)).Length == file.Size && PartialBytes(file) < file.Size)
        {
            using FileStream content = InputFile.Open(source);
            using FileStream copy = FileSystem.Continue(partial);
            content.Position = copy.Seek(0, SeekOrigin.End);
            byte[] block = new byte[1 << 20];
            for (int read; (read = content.Read(block)) > 0; stop.ThrowIfCancellationRequested())
            {
                copy.Write(block, 0, read);
            }
        }
        return partial;
    }

    /// <inheritdoc/>
    public void Complete(HubFile file, FileChecksum? checksum)
    {
        if (checksum is null)
        {
            return;
        }
        lock (_lock)
        {
            FileSystem.Delete(Entry(file)); // before the list names another content for it
            _files[file.Name] = checksum; // and listed before it has its name, so that a killed process leaves no unlisted file
            WriteManifest();
            FileSystem.Rename(Partial(file), Entry(file));
        }
    }

    /// <inheritdoc/>
    public void Finish()
    {
        WriteManifest();
        foreach (HubFile file in _takenOut.Where(file => !File.Exists(Entry(file)) && File.Exists(Partial(file))))
        {
            FileSystem.Rename(Partial(file), Entry(file)); // found complete before another file turned out to be stale
        }
        foreach (string leftover in AtomicFile.Leftovers(Folder, null, AtomicFile.Suffix)
            .Where(path => _files.ContainsKey(Path.GetFileName(AtomicFile.TargetOf(path)!))).ToArray())
        {
            FileSystem.Delete(leftover); // of another commit
        }
        FileSystem.SyncFolder(Folder);
    }

    /// <inheritdoc/>
    public void Dispose() => _claim.Dispose();

    private string Entry(HubFile file) => Path.Combine(Folder, file.Name);

    private string Partial(HubFile file) => $"{Entry(file)}.{file.Hash![..HashDigits]}{AtomicFile.Suffix}";

    private bool IsOwn(string path)
    {
        lock (_lock)
        {
            return new FolderManifest(Kind, _files).Owns(path);
        }
    }

    private void WriteManifest()
    {
        lock (_lock)
        {
            new FolderManifest(Kind, _files.OrderBy(file => file.Key, StringComparer.Ordinal).ToDictionary()).Write(Folder);
        }
    }
}
