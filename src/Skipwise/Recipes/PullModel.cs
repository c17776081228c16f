using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Hub;
using Skipwise.Storage;
using static System.FormattableString;

namespace Skipwise.Recipes;

/// <summary>A model of the Hugging Face hub, and where it is put.</summary>
public sealed record PullModelOptions
{
    /// <summary>ORG/NAME, or ORG/NAME@REVISION with a branch, tag or commit</summary>
    [PathName]
    public required string Model { get; init; }
    /// <summary>folder for the files; null: the hub's own cache, where a model is found by its name</summary>
    [PathName]
    public string? Out { get; init; }
}

/// <summary>The progress of a download.</summary>
/// <param name="Done">bytes that are there</param>
/// <param name="Total">bytes in all</param>
/// <param name="BytesPerSecond">what the network gave, on average since the first weights were asked for</param>
public sealed record PullProgress(long Done, long Total, double BytesPerSecond);

/// <summary>A downloaded model.</summary>
/// <param name="Model">ORG/NAME</param>
/// <param name="Revision">the branch, tag or commit that was asked for</param>
/// <param name="Commit">the commit that it is</param>
/// <param name="Folder">where its files are</param>
/// <param name="Files">number of its files</param>
/// <param name="Bytes">their size</param>
/// <param name="Downloaded">bytes that came from the network; the others were there</param>
public sealed record PulledModel(string Model, string Revision, string Commit, string Folder, int Files, long Bytes, long Downloaded);

/// <summary>
/// Downloads a model or an adapter from the Hugging Face hub: the files that are read, and no other. What is there already is not
/// downloaded again, and a download that was stopped goes on.
/// </summary>
public static class PullModel
{
    private const int AtOnce = 8; // as huggingface_hub

    /// <param name="options">the model and its place. Address, token and cache are those of Hugging Face's own programs: HF_ENDPOINT,
    /// HF_TOKEN, HF_HOME, HF_HUB_CACHE, HF_HUB_OFFLINE and others</param>
    /// <param name="progress">called from several threads, one at a time</param>
    /// <param name="note">told why the download waits</param>
    /// <param name="stop">what has been downloaded is kept, and the next call goes on with it</param>
    /// <exception cref="SkipwiseException">no such model or revision, no access, no connection, a file whose size or hash is wrong, a full
    /// disk, or a folder that holds something else</exception>
    /// <example>
    /// <code>
    /// PulledModel pulled = PullModel.Run(new() { Model = "meta-llama/Llama-2-7b-hf" });
    /// using LanguageModel model = LanguageModel.Load("meta-llama/Llama-2-7b-hf"); // or pulled.Folder
    /// </code>
    /// </example>
    public static PulledModel Run(PullModelOptions options, IProgress<PullProgress>? progress = null, IProgress<string>? note = null,
        CancellationToken stop = default) => Run(options, HubSettings.FromEnvironment(), progress, note, stop);

    internal static PulledModel Run(PullModelOptions options, HubSettings settings, IProgress<PullProgress>? progress = null,
        IProgress<string>? note = null, CancellationToken stop = default)
    {
        OptionCheck.Require("Pulling", options);
        var id = HubModelId.Parse(options.Model);
        string place = options.Out ?? settings.Cache;
        try
        {
            return Task.Run(() => Pull(id, options.Out, settings, new PullMeter(progress, note), stop), stop).GetAwaiter().GetResult();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new SkipwiseException(
                $"{place}: cannot be written: {e.Message.TrimEnd('.')}. Free some space, or choose another place; what has been " +
                "downloaded is kept, and the next try goes on with it", e);
        }
    }

    private static async Task<PulledModel> Pull(HubModelId id, string? folder, HubSettings settings, PullMeter meter,
        CancellationToken stop)
    {
        using var client = new HubClient(settings);
        var retry = new HubRetry(settings, meter.Notes);
        HubListing listing = settings.IsOffline ? Cached(id, settings, stop)
            : await retry.Run($"{id}", () => client.List(id, stop), () => 0, stop);
        if (id.IsCommit && listing.Commit != id.Revision)
        {
            throw new SkipwiseException(
                $"{id}: {settings.Endpoint} answers with the files of {listing.Commit}: it does not know commits. Use another mirror");
        }
        Task<HubFile> Describe(HubFile file) => file.IsDescribed ? Task.FromResult(file)
            : retry.Run($"{id}: {file.Name}", () => client.Describe(id, listing.Commit, file, stop), () => 0, stop);

        string reason = settings.IsOffline ? "HF_HUB_OFFLINE is set: unset it to download what the cache lacks"
            : "The repository is incomplete: choose another";
        WantedFiles wanted = await WantedFiles.Choose(id, listing.Files, reason).Described(Describe);
        string? cached = HubCache.Find(settings.Cache, id with { Revision = listing.Commit });
        using PulledFolder? own = folder is null ? null : new PulledFolder(folder, cached);
        IHubTarget target = own ?? (IHubTarget)new HubCache(settings.Cache, id, listing.Commit, meter.Notes);
        var download = new HubDownload(client, retry, id, listing.Commit, target, meter.Add);
        // files of equal content are one blob, which one of them fetches
        Task Get(IEnumerable<HubFile> files) => Parallel.ForEachAsync(files.GroupBy(file => file.Hash),
            new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = stop },
            async (equal, cancel) =>
            {
                foreach (HubFile file in equal)
                {
                    await download.Get(file, cancel);
                }
            });

        HubFile[] other = [.. wanted.Small, .. wanted.Configuration];
        own?.Open(wanted.Configuration, stop);
        await Get(wanted.Small);
        HubFile[] weights = await Task.WhenAll(wanted.Weights(target.Folder, reason).Select(Describe));
        HubFile[] all = [.. other, .. weights];
        RequireSpace(id, target, weights, stop);
        meter.Start(all.Sum(file => file.Size!.Value));
        await Get(weights.OrderByDescending(file => file.Size)); // the largest first: the last to end are then small
        own?.Prune(all);
        own?.Close();
        await Get(wanted.Configuration);
        target.Finish();
        meter.End();
        return new(id.Repository, id.Revision, listing.Commit, target.Folder, all.Length, all.Sum(file => file.Size!.Value),
            meter.Received);
    }

    private static HubListing Cached(HubModelId id, HubSettings settings, CancellationToken stop) =>
        HubCache.Find(settings.Cache, id) is { } folder ? HubCache.List(folder, stop)
            : throw new SkipwiseException(
                $"{id}: is not in the Hugging Face cache ({settings.Cache}), and HF_HUB_OFFLINE forbids to ask the hub. Unset it to " +
                "download the model");

    private static void RequireSpace(HubModelId id, IHubTarget target, IEnumerable<HubFile> files, CancellationToken stop)
    {
        long needed = files.Where(file => !target.IsThere(file)).Sum(file => file.Size!.Value - target.PartialBytes(file));
        stop.ThrowIfCancellationRequested();
        Directory.CreateDirectory(target.Folder);
        long free = new DriveInfo(RealPath.Resolve(target.Folder)).AvailableFreeSpace;
        if (needed > free)
        {
            throw new SkipwiseException(Invariant(
                $"{target.Folder}: {id} needs {needed / 1e9:0.0} GB more, and {free / 1e9:0.0} GB are free. ") +
                "Free some space, or choose another place");
        }
    }
}
