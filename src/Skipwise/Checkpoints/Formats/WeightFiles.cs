using Skipwise.Checkpoints.Formats.Llama2c;
using Skipwise.Checkpoints.Formats.Torch;
using Skipwise.Checkpoints.Gguf;
using Skipwise.Hub;
using Skipwise.Storage;
using Skipwise.Storage.Gguf;

namespace Skipwise.Checkpoints.Formats;

/// <summary>
/// The weights of a model, open for reading: one file or indexed shards of a Hugging Face folder, as safetensors or else as
/// <c>torch.save</c> files; a checkpoint of llama2.c; or a GGUF file.
/// </summary>
internal sealed class WeightFiles : IDisposable
{
    /// <summary>Name of a single weight file.</summary>
    public const string SingleName = "model.safetensors";
    /// <summary>Name of the index of shards.</summary>
    public const string IndexName = SingleName + IndexEnding;
    /// <summary>What the name of an index has behind that of a single weight file.</summary>
    public const string IndexEnding = ".index.json";
    /// <summary>Name of a single weight file in PyTorch's format.</summary>
    public const string TorchName = "pytorch_model.bin";
    private readonly List<TensorFile> _files = [];
    private readonly OrderedDictionary<string, StoredTensor> _tensors = [];

    private WeightFiles(string location) => Location = location;

    /// <summary>The weight file or the index, for error messages about missing tensors.</summary>
    public string Location { get; }

    /// <summary>Every tensor by its stored name, in the order of the files.</summary>
    public IReadOnlyDictionary<string, StoredTensor> Tensors => _tensors;

    /// <summary>Paths of the open files.</summary>
    public IReadOnlyList<string> Paths => [.. _files.Select(file => file.Path)];

    /// <summary>The <c>__metadata__</c> of the (first) safetensors file.</summary>
    public IReadOnlyDictionary<string, string> Metadata => _files[0].Metadata;

    /// <summary>Opens the weights of a model.</summary>
    /// <param name="model">a Hugging Face folder, the name of a model in the hub's cache, a GGUF file, or a path in which
    /// <see cref="Llama2cFile.Find"/> finds a checkpoint</param>
    /// <param name="asStored">the tensors of a GGUF file have llama.cpp's names, whatever its architecture; else Hugging Face's</param>
    /// <exception cref="SkipwiseException">no weights, a shard missing, or index and shards disagree</exception>
    public static WeightFiles Open(string model, bool asStored = false)
    {
        model = ModelFolder.Resolve(model);
        if (!Path.Exists(model))
        {
            throw new SkipwiseException(
                $"{model}: there is no such folder. A model is a folder with config.json and its weights, or a GGUF file");
        }
        if (GgufStart.IsAt(model))
        {
            return Open(model, weights => weights.Add(asStored ? GgufFile.Open(model) : GgufFile.OpenModel(model)));
        }
        if (Llama2cFile.Find(model) is { } checkpoint)
        {
            return Open(checkpoint, weights => weights.Add(Llama2cFile.Open(checkpoint)));
        }
        (string Name, Func<string, TensorFile> Open)[] formats = [(SingleName, SafetensorsFile.Open), (TorchName, TorchFile.Open)];
        foreach ((string name, Func<string, TensorFile> open) in formats)
        {
            string single = Path.Combine(model, name), index = single + IndexEnding;
            if (File.Exists(single))
            {
                return Open(single, weights => weights.Add(open(single)));
            }
            if (File.Exists(index))
            {
                return Open(index, weights => weights.AddShards(model, index, open));
            }
        }
        throw new SkipwiseException(
            $"no weights found in {model}: expected {SingleName} or {TorchName}, or one's {IndexEnding} and its shards. " +
            "'skipwise pull ORG/NAME' fetches all files of a model of the Hugging Face hub");
    }

    /// <inheritdoc/>
    public void Dispose() => _files.ForEach(file => file.Dispose());

    private static WeightFiles Open(string location, Action<WeightFiles> add)
    {
        var weights = new WeightFiles(location);
        try
        {
            add(weights);
            return weights;
        }
        catch
        {
            weights.Dispose();
            throw;
        }
    }

    private void AddShards(string folder, string index, Func<string, TensorFile> open)
    {
        JsonSection map = JsonSection.ReadFile(index).Section("weight_map")
            ?? throw new SkipwiseException($"{index}: key weight_map: missing");
        var fileOf =
            map.Json.ToDictionary(pair => pair.Key,
                pair => map.OptionalString(pair.Key) ?? throw map.Error(pair.Key, "expected a file name"));
        foreach (IGrouping<string, string> named in fileOf.GroupBy(pair => pair.Value, pair => pair.Key)
            .OrderBy(group => group.Key, StringComparer.Ordinal))
        {
            string shard = named.Key;
            // The name comes from a downloaded file, so it must not lead out of the folder.
            if (shard != Path.GetFileName(shard) || shard is "" or "." or "..")
            {
                throw new SkipwiseException($"{index}: key weight_map: \"{shard}\" is not a file name inside the folder");
            }
            string path = Path.Combine(folder, shard);
            if (!File.Exists(path))
            {
                throw new SkipwiseException($"{index}: shard {shard} is missing from {folder} ({named.Count()} tensors). Fetch it again");
            }
            Add(open(path));
            TensorFile opened = _files[^1];
            string? absent = named.FirstOrDefault(name => !opened.Tensors.ContainsKey(name));
            string? unlisted = opened.Tensors.Keys.FirstOrDefault(name => fileOf.GetValueOrDefault(name) != shard);
            if (absent is not null || unlisted is not null)
            {
                throw new SkipwiseException($"{path}: tensor {absent ?? unlisted}: " +
                    (absent is not null
                        ? $"{Path.GetFileName(index)} says that it is in this shard, but it is not"
                        : $"is in this shard, but {Path.GetFileName(index)} does not say so") +
                    ". Index and shards come from different checkpoints: fetch all of them again");
            }
        }
        if (_files.Count == 0)
        {
            throw new SkipwiseException($"{index}: key weight_map: names no tensor");
        }
    }

    private void Add(TensorFile file)
    {
        _files.Add(file);
        foreach (TensorEntry entry in file.Tensors.Values)
        {
            _tensors[entry.Name] = new StoredTensor(file, entry);
        }
    }
}
