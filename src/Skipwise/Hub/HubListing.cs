using System.Text.Json;
using Skipwise.Storage;

namespace Skipwise.Hub;

/// <summary>The files of a repository at one commit.</summary>
/// <param name="Commit">40 hexadecimal digits</param>
/// <param name="Files">all files; of most nothing but the name is looked at</param>
internal sealed record HubListing(string Commit, IReadOnlyList<HubFile> Files)
{
    /// <summary>Reads the hub's answer about a revision of a model, with <c>siblings</c>, their <c>size</c> and hashes.</summary>
    /// <param name="place">names the answer in errors</param>
    /// <exception cref="SkipwiseException">the answer is not JSON, or of another form</exception>
    public static HubListing Parse(string place, string json)
    {
        LocatedJson answer;
        try
        {
            answer = LocatedJson.Parse(place, json);
        }
        catch (JsonException e)
        {
            throw new SkipwiseException(
                $"{place}: the answer is no JSON: {e.Message} Is the address that of a hub, or does a proxy answer in its place?", e);
        }
        LocatedJson commit = answer.Get("sha");
        return HubModelId.IsCommitHash(commit.Text)
            ? new(commit.Text, [.. answer.Get("siblings").Items().Select(FileOf)])
            : throw commit.Error("is no commit: 40 hexadecimal digits were expected");
    }

    private static HubFile FileOf(LocatedJson item)
    {
        LocatedJson? large = item.Find("lfs");
        // of a large file, blobId is that of its pointer
        LocatedJson? hash = large is { } stored ? stored.Find("sha256") ?? stored.Find("oid") : item.Find("blobId");
        LocatedJson? size = large?.Find("size") ?? item.Find("size");
        return new(item.Get("rfilename").Text, size is { } bytes ? SizeOf(bytes) : null, hash is { } digits ? HashOf(digits) : null);
    }

    private static long SizeOf(LocatedJson size) =>
        size.IsNumber && size.Element.TryGetInt64(out long bytes) && bytes >= 0 ? bytes : throw size.Error("is no size of a file");

    private static string HashOf(LocatedJson hash) => HubFile.IsHash(hash.Text) ? hash.Text : throw hash.Error("is no hash of a file");
}
