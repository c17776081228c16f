using Skipwise.Storage;

namespace Skipwise.Hub;

/// <summary>
/// A model in the hub's own cache, as Python's <c>huggingface_hub</c> lays it out: <c>models--ORG--NAME/blobs/HASH</c> holds contents,
/// <c>snapshots/COMMIT/NAME</c> are links to them, <c>refs/REVISION</c> names the commit of a branch. What one program has downloaded,
/// the others find.
/// </summary>
/// <param name="cache">folder of the cache</param>
/// <param name="commit">40 hexadecimal digits</param>
/// <param name="note">told if another process has a file</param>
internal sealed class HubCache(string cache, HubModelId id, string commit, IProgress<string>? note = null) : IHubTarget
{
    private static readonly TimeSpan s_look = TimeSpan.FromMilliseconds(200);

    // A folder with one of these is a model or an adapter, and no rest of a download: they are put in place last.
    private static readonly string[] s_last = ["config.json", "adapter_config.json"];

    private readonly string _home = HomeOf(cache, id);

    /// <inheritdoc/>
    public string Folder => Path.Combine(_home, "snapshots", commit);

    /// <summary>The folder of a cached model.</summary>
    /// <returns>null if the model, or this revision of it, is not in the cache</returns>
    public static string? Find(string cache, HubModelId id)
    {
        string home = HomeOf(cache, id), reference = Path.Combine(home, "refs", id.Revision);
        string commit = id.IsCommit ? id.Revision : File.Exists(reference) ? InputFile.ReadText(reference).Trim() : "";
        string folder = Path.Combine(home, "snapshots", commit);
        return HubModelId.IsCommitHash(commit) && s_last.Any(name => SizeOf(Path.Combine(folder, name)) is not null)
            ? folder : null;
    }

    /// <summary>The files of a cached model, with the hashes that their links name.</summary>
    /// <param name="folder">from <see cref="Find"/></param>
    public static HubListing List(string folder, CancellationToken stop) =>
        new(Path.GetFileName(folder),
        [
            .. Directory.EnumerateFiles(folder).Where(file => SizeOf(file) is not null).Select(file => Described(file, stop)),
        ]);

    /// <inheritdoc/>
    public async Task<IDisposable?> Claim(HubFile file, CancellationToken stop)
    {
        if (SizeOf(Entry(file)) == file.Size)
        {
            return null; // nothing will be written: the cache may be one that nobody may write
        }
        // Python's lock of the same file: on Unix both are flock's. It stays, because a name that vanishes could be locked twice.
        string path = Path.Combine(cache, ".locks", Path.GetFileName(_home), $"{file.Hash}.lock");
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        for (bool isFirst = true; ; isFirst = false)
        {
            if (FolderLock.TryAcquire(path) is { } held)
            {
                return held;
            }
            if (isFirst)
            {
                note?.Report($"{id}: {file.Name}: another process downloads it; waiting for its end");
            }
            await Task.Delay(s_look, stop);
        }
    }

    /// <summary>By the size alone: the name is a hash, and reading all contents anew would take as long as some downloads.</summary>
    public bool Has(HubFile file, CancellationToken stop) => IsThere(file);

    /// <inheritdoc/>
    public bool IsThere(HubFile file) => SizeOf(Blob(file)) == file.Size || SizeOf(Entry(file)) == file.Size;

    /// <inheritdoc/>
    public long PartialBytes(HubFile file) => SizeOf(Partial(file)) ?? 0;

    /// <inheritdoc/>
    public string PartialOf(HubFile file, bool mayCopy, CancellationToken stop)
    {
        FileSystem.CreateFolder(Path.Combine(_home, "blobs"));
        return Partial(file);
    }

    /// <inheritdoc/>
    public void Complete(HubFile file, FileChecksum? checksum)
    {
        string blob = Blob(file), entry = Entry(file);
        if (checksum is not null)
        {
            FileSystem.Rename(Partial(file), blob);
            FileSystem.SyncFolder(Path.GetDirectoryName(blob)!);
        }
        FileSystem.CreateFolder(Folder);
        if (SizeOf(blob) != file.Size || (Path.Exists(entry) && RealPath.AreSame(entry, blob)))
        {
            return; // a system without links has the content in the snapshot
        }
        if (new FileInfo(entry) is { LinkTarget: not null } or { Exists: true })
        {
            FileSystem.Delete(entry);
        }
        try
        {
            File.CreateSymbolicLink(entry, Path.Combine("..", "..", "blobs", file.Hash!));
        }
        catch (Exception e) when ((e is IOException or UnauthorizedAccessException) && !Path.Exists(entry))
        {
            FileSystem.Move(blob, entry); // as Python does where a user may make no links
        }
    }

    /// <summary>Writes the commit of a branch or tag.</summary>
    public void Finish()
    {
        string reference = Path.Combine(_home, "refs", id.Revision);
        if (!id.IsCommit && !(File.Exists(reference) && InputFile.ReadText(reference).Trim() == commit))
        {
            FileSystem.CreateFolder(Path.GetDirectoryName(reference)!);
            AtomicFile.WriteText(reference, commit);
        }
    }

    private static string HomeOf(string cache, HubModelId id) => Path.Combine(cache, $"models--{id.Organization}--{id.Name}");

    private static HubFile Described(string file, CancellationToken stop)
    {
        // Newer versions of Python's cache share contents among models: then the blob itself is a link.
        string? target = Path.GetFileName(new FileInfo(file).LinkTarget);
        long size = SizeOf(file)!.Value;
        string name = Path.GetFileName(file);
        if (target is not null && HubFile.IsHash(target))
        {
            return new(name, size, target);
        }
        using var digest = new ContentDigest(new HubFile(name, size, new string('0', HubFile.Sha256Digits)));
        using FileStream content = InputFile.Open(file);
        digest.Add(content, stop);
        return new(name, size, digest.Finish());
    }

    /// <summary>null if there is no such file; a link counts as what it leads to, and as nothing if that is gone</summary>
    private static long? SizeOf(string path) => new FileInfo(RealPath.Resolve(path)) is { Exists: true } file ? file.Length : null;

    private string Blob(HubFile file) => Path.Combine(_home, "blobs", file.Hash!);

    private string Partial(HubFile file) => Blob(file) + AtomicFile.Suffix;

    private string Entry(HubFile file) => Path.Combine(Folder, file.Name);
}
