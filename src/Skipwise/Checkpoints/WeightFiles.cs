namespace Skipwise.Checkpoints;

/// <summary>One tensor and the open file that holds it.</summary>
public sealed record StoredTensor(SafetensorsFile File, TensorEntry Entry);

/// <summary>The weights of a model folder, open for reading: one <c>model.safetensors</c>, or shards listed by an index.</summary>
public sealed class WeightFiles : IDisposable
{
    public const string SingleName = "model.safetensors";
    public const string IndexName = "model.safetensors.index.json";
    private readonly List<SafetensorsFile> _files = [];
    private readonly OrderedDictionary<string, StoredTensor> _tensors = [];

    private WeightFiles(string location) => Location = location;

    /// <summary>The weight file, or the index: what an error about a missing tensor should name.</summary>
    public string Location { get; }

    /// <summary>Every tensor by its stored name, in the order of the files.</summary>
    public IReadOnlyDictionary<string, StoredTensor> Tensors => _tensors;

    /// <summary>The <c>__metadata__</c> of the (first) file.</summary>
    public IReadOnlyDictionary<string, string> Metadata => _files[0].Metadata;

    /// <exception cref="SkipwiseException">no weights, a shard missing, or index and shards disagree</exception>
    public static WeightFiles Open(string folder)
    {
        if (!Directory.Exists(folder))
        {
            throw new SkipwiseException($"{folder}: there is no such folder. A model is a folder with config.json and its weights");
        }
        string single = Path.Combine(folder, SingleName), index = Path.Combine(folder, IndexName);
        bool sharded = !File.Exists(single);
        if (sharded && !File.Exists(index))
        {
            throw new SkipwiseException($"no safetensors weights found in {folder}{Instead(folder)}");
        }
        var weights = new WeightFiles(sharded ? index : single);
        try
        {
            if (sharded)
            {
                weights.AddShards(folder, index);
            }
            else
            {
                weights.Add(SafetensorsFile.Open(single));
            }
            return weights;
        }
        catch
        {
            weights.Dispose();
            throw;
        }
    }

    public void Dispose() => _files.ForEach(file => file.Dispose());

    private static string Instead(string folder)
    {
        string[] pickles = [.. Directory.EnumerateFiles(folder, "*.bin").Select(file => Path.GetFileName(file)!).Order(StringComparer.Ordinal)];
        return pickles.Length > 0
            ? $", found {pickles[0]}: convert it with the safetensors package, or save it again with safe_serialization=True"
            : $": expected {SingleName}, or {IndexName} and its shards";
    }

    private void AddShards(string folder, string index)
    {
        JsonSection map = JsonSection.ReadFile(index).Section("weight_map") ?? throw new SkipwiseException($"{index}: key weight_map: missing");
        var fileOf = map.Json.ToDictionary(pair => pair.Key, pair => map.OptionalString(pair.Key) ?? throw map.Wrong(pair.Key, "expected a file name"));
        foreach (string shard in fileOf.Values.Distinct().Order(StringComparer.Ordinal))
        {
            // A name from a downloaded file: it must not lead out of the folder.
            if (shard != Path.GetFileName(shard) || shard is "" or "." or "..")
            {
                throw new SkipwiseException($"{index}: key weight_map: \"{shard}\" is not a file name inside the folder");
            }
            string path = Path.Combine(folder, shard);
            if (!File.Exists(path))
            {
                throw new SkipwiseException($"{index}: shard {shard} is missing from {folder} ({fileOf.Values.Count(file => file == shard)} tensors). Fetch it again");
            }
            Add(SafetensorsFile.Open(path));
            SafetensorsFile opened = _files[^1];
            string? absent = fileOf.FirstOrDefault(pair => pair.Value == shard && !opened.Tensors.ContainsKey(pair.Key)).Key;
            string? unlisted = opened.Tensors.Keys.FirstOrDefault(name => fileOf.GetValueOrDefault(name) != shard);
            if (absent is not null || unlisted is not null)
            {
                throw new SkipwiseException($"{path}: tensor {absent ?? unlisted}: " +
                    (absent is not null ? $"{IndexName} says that it is in this shard, but it is not" : $"is in this shard, but {IndexName} does not say so") +
                    ". Index and shards come from different checkpoints: fetch all of them again");
            }
        }
        if (_files.Count == 0)
        {
            throw new SkipwiseException($"{index}: key weight_map: names no tensor");
        }
    }

    private void Add(SafetensorsFile file)
    {
        _files.Add(file);
        foreach (TensorEntry entry in file.Tensors.Values)
        {
            _tensors[entry.Name] = new StoredTensor(file, entry);
        }
    }
}
