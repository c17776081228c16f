using System.Text.Json.Nodes;
using Skipwise.Checkpoints.Formats;
using Skipwise.Checkpoints.Peft;
using Skipwise.Hub;
using Skipwise.Storage;

namespace Skipwise.Checkpoints.HuggingFace;

/// <summary>
/// The files of a repository that a model or an adapter is read from: one format of weights, configuration, tokenizer. A repository often
/// holds the same weights in several formats.
/// </summary>
/// <param name="Small">all but configuration and weights; the indexes of shards are among them</param>
/// <param name="Configuration">config.json and adapter_config.json, by which a folder is known as complete</param>
internal sealed record WantedFiles(IReadOnlyList<HubFile> Small, IReadOnlyList<HubFile> Configuration)
{
    private IReadOnlyList<HubFile> Single { get; init; } = [];
    private IReadOnlyList<HubFile> Indexes { get; init; } = [];
    private IReadOnlyDictionary<string, HubFile> Listed { get; init; } = new Dictionary<string, HubFile>();

    /// <summary>Chooses from the files of a repository. Names that are paths are never chosen.</summary>
    /// <param name="id">names the repository in errors</param>
    /// <param name="reason">why a file may be missing</param>
    /// <exception cref="SkipwiseException">there are no weights that Skipwise reads</exception>
    public static WantedFiles Choose(HubModelId id, IReadOnlyList<HubFile> files, string reason)
    {
        var listed = new Dictionary<string, HubFile>();
        foreach (HubFile file in files.Where(file => HubFile.IsPlainName(file.Name)))
        {
            listed.TryAdd(file.Name, file);
        }
        HubFile[] Named(params IEnumerable<string> names) => [.. names.Where(listed.ContainsKey).Select(name => listed[name])];
        HubFile[] indexes = [], weights = [], configuration = Named(HfConfig.FileName, LoraConfig.FileName);
        foreach (string name in (string[])[WeightFiles.SingleName, WeightFiles.TorchName])
        {
            if (weights.Length + indexes.Length == 0)
            {
                weights = Named(name); // before the index, as they are read
                indexes = weights.Length > 0 ? [] : Named(name + WeightFiles.IndexEnding);
            }
        }
        if (listed.ContainsKey(LoraConfig.FileName))
        {
            weights = [.. weights, .. Named(AdapterFiles.WeightNames).Take(1), .. Named(AdapterFiles.LongLoraName)];
        }
        if (weights.Length + indexes.Length == 0 || configuration.Length == 0)
        {
            throw new SkipwiseException($"{id}: {Lacks(files, configuration.Length == 0)}. {reason}");
        }
        return new([.. indexes, .. listed.Values.Where(file => CompanionFiles.IsCompanion(file.Name))], configuration)
        {
            Single = weights,
            Indexes = indexes,
            Listed = listed,
        };
    }

    /// <summary>The weights, once the indexes are there: they name the shards.</summary>
    /// <param name="folder">where the small files are</param>
    /// <param name="reason">why a file may be missing</param>
    /// <exception cref="SkipwiseException">an index names a file that is not listed, or is broken</exception>
    public IReadOnlyList<HubFile> Weights(string folder, string reason) =>
        [.. Single.Concat(Indexes.SelectMany(index => ShardsOf(Path.Combine(folder, index.Name), reason))).DistinctBy(file => file.Name)];

    /// <summary>Replaces each of the small files and the configuration by what <paramref name="describe"/> returns.</summary>
    public async Task<WantedFiles> Described(Func<HubFile, Task<HubFile>> describe) => this with
    {
        Small = await Task.WhenAll(Small.Select(describe)),
        Configuration = await Task.WhenAll(Configuration.Select(describe)),
    };

    private HubFile[] ShardsOf(string index, string reason)
    {
        JsonSection map = JsonSection.ReadFile(index).Section("weight_map")
            ?? throw new SkipwiseException($"{index}: key weight_map: missing");
        return [.. map.Json.Select(pair => (pair.Key, Name: map.OptionalString(pair.Key))).DistinctBy(pair => pair.Name)
            .Select(pair => Listed.GetValueOrDefault(pair.Name ?? "")
                ?? throw map.Error(pair.Key, $"the repository has no file \"{pair.Name}\". {reason}"))];
    }

    private static string Lacks(IReadOnlyList<HubFile> files, bool config)
    {
        string? gguf = files.Select(file => file.Name).FirstOrDefault(name => name.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase));
        return gguf is not null
            ? $"holds weights as GGUF alone ({gguf}). Name the repository that they were made from, or download one such file yourself"
            : config ? $"has neither {HfConfig.FileName} nor {LoraConfig.FileName}, so it is no model of transformers or PEFT"
            : $"has no weights that are read: {WeightFiles.SingleName}, {WeightFiles.TorchName} or their shards, or an adapter's";
    }
}
