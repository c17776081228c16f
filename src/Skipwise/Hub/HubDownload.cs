using Skipwise.Storage;

namespace Skipwise.Hub;

/// <summary>Downloads files of one commit, checks size and hash of each, and goes on with what an earlier process has left.</summary>
/// <param name="target">where they are put</param>
/// <param name="meter">called with a number of bytes, negative if they were in vain, and whether they came from the network</param>
internal sealed class HubDownload(HubClient client, HubRetry retry, HubModelId id, string commit, IHubTarget target,
    Action<long, bool> meter)
{
    /// <summary>Gets a file into its place.</summary>
    /// <param name="file">whose size and hash are known</param>
    /// <exception cref="SkipwiseException">no access, too many failures, or a content that is not what the hub lists; that is then
    /// deleted</exception>
    /// <exception cref="IOException">the disk is full or fails; what was downloaded is kept</exception>
    public async Task Get(HubFile file, CancellationToken stop)
    {
        using IDisposable? claim = await target.Claim(file, stop);
        if (target.Has(file, stop))
        {
            target.Complete(file, checksum: null);
            meter(file.Size!.Value, false);
            return;
        }
        // What was there before, of an earlier process or another program, may be damaged: then all of it comes from the hub.
        for (bool isNew = false; ; isNew = true)
        {
            string partial = target.PartialOf(file, mayCopy: !isNew, stop);
            (FileChecksum checksum, string hash, bool hasOld) = await Fill(file, partial, stop);
            if (hash == file.Hash)
            {
                target.Complete(file, checksum);
                return;
            }
            FileSystem.Delete(partial);
            meter(-file.Size!.Value, false);
            if (isNew || !hasOld)
            {
                throw new SkipwiseException(
                    $"{id}: {file.Name} is not what the hub lists: its hash is {hash}, expected {file.Hash}. It has been deleted: try " +
                    "again. If it happens again, a mirror or a proxy changes it");
            }
        }
    }

    /// <returns>hash and checksum of all bytes, and whether some of them did not come from the hub in this call</returns>
    private async Task<(FileChecksum Checksum, string Hash, bool HasOld)> Fill(HubFile file, string partial, CancellationToken stop)
    {
        long size = file.Size!.Value;
        using FileStream content = FileSystem.Continue(partial);
        if (content.Length > size)
        {
            content.SetLength(0);
        }
        using var digest = new ContentDigest(file);
        digest.Add(content, stop);
        meter(digest.Bytes, false);
        bool hasOld = digest.Bytes > 0;
        while (digest.Bytes < size)
        {
            await retry.Run($"{id}: {file.Name}", async () =>
            {
                await client.Download(id, commit, file, digest.Bytes, Restart, Take, stop);
                return digest.Bytes == size ? true : throw new HubTransientException("the connection has ended early");
            }, () => digest.Bytes, stop);
        }
        FileSystem.Sync(content);
        return (digest.Checksum, digest.Finish(), hasOld);

        void Restart()
        {
            meter(-digest.Bytes, false);
            digest.Restart();
            hasOld = false;
            content.SetLength(0);
        }

        void Take(ReadOnlyMemory<byte> block)
        {
            content.Write(block.Span);
            digest.Add(block.Span);
            meter(block.Length, true);
        }
    }
}
