using System.Text.Json.Nodes;
using Skipwise.Checkpoints.Formats;
using Skipwise.Models;
using Skipwise.Storage;
using static TorchSharp.torch;

namespace Skipwise.Checkpoints.HuggingFace;

/// <summary>
/// The Hugging Face folder of a model, written for other programs: every key that one of them reads, weights of one type, the settings of
/// generation, and a tokenizer that knows the window.
/// </summary>
internal sealed class PortableFolder
{
    private const string GenerationConfig = "generation_config.json", TokenizerConfig = "tokenizer_config.json";

    private static readonly string[] s_specialTokens = ["bos_token_id", "eos_token_id", "pad_token_id"];

    // of the source's place, which is often private, and of code that is not copied
    private static readonly string[] s_ofSource = ["_name_or_path", "auto_map"];

    private readonly HfConfig _source;
    private readonly bool _isAsLlama;

    /// <summary>Prepares the folder of a model.</summary>
    /// <param name="source">the model's config.json</param>
    /// <param name="model">with its effective rope</param>
    public PortableFolder(HfConfig source, DecoderConfig model)
    {
        _source = source;
        _isAsLlama = source.Family.ModelType == "baichuan"; // no program has this family without code of its own
        Config = ConfigOf(model);
        Family = ModelFamily.FromModelType((string?)Config["model_type"], HfConfig.FileName);
    }

    /// <summary>The config.json, but for the type of the weights.</summary>
    public JsonObject Config { get; }

    /// <summary>The family in it.</summary>
    public ModelFamily Family { get; }

    /// <summary>Writes all files into an existing folder.</summary>
    /// <param name="folder">empty</param>
    /// <param name="pretrained">the model, adapters merged</param>
    /// <param name="type">of all tensors; null: each as it is in the model's files</param>
    /// <param name="companions">the tokenizer's files</param>
    /// <returns>the tensors</returns>
    public IReadOnlyList<OutputTensor> Write(string folder, PretrainedModel pretrained, ScalarType? type, CompanionFiles companions)
    {
        DecoderConfig model = pretrained.Model.Config;
        var writer = new Weights(new SafetensorsFolder(folder) { ShardBytes = PretrainedModel.DefaultShardBytes }, type,
            model.NormalizedHead ? ModelFamily.HeadName : null);
        if (_isAsLlama)
        {
            pretrained.WriteWeights(writer, Family.StoredParameters(model));
        }
        else
        {
            pretrained.WriteWeights(writer);
        }
        JsonObject config = ConfigOf(model); // an adapter may have untied the head
        HfConfig.SetType(config, type ?? pretrained.StoredMatrixType);
        AtomicFile.WriteText(Path.Combine(folder, HfConfig.FileName), HfConfig.Text(config));
        companions.Write(folder);
        WriteGeneration(Path.Combine(folder, GenerationConfig), config);
        RaiseTokenizerLimit(Path.Combine(folder, TokenizerConfig), model.MaxPositionEmbeddings);
        return writer.Written;
    }

    private JsonObject ConfigOf(DecoderConfig model)
    {
        JsonObject config = _isAsLlama ? AsLlama(model) : HfConfig.ForExtended(_source.Raw, model);
        config["tie_word_embeddings"] = model.TieWordEmbeddings; // programs differ in what they take a missing one for
        config["architectures"] ??= new JsonArray(_source.Family.Architecture);
        foreach (string key in s_ofSource)
        {
            config.Remove(key);
        }
        return config;
    }

    private JsonObject AsLlama(DecoderConfig model)
    {
        if (model.Activation != Activation.Silu || (model.NormalizedHead && model.TieWordEmbeddings))
        {
            throw new SkipwiseException("the model has another activation than SiLU, or a normalized head that is tied to the embedding, " +
                "so it is no Llama; other programs run a Baichuan only as one");
        }
        var config = (JsonObject)HfConfig.Create(model with { NormalizedHead = false, ZLossWeight = 0 }).Raw.DeepClone();
        foreach (string key in s_specialTokens.Where(key => _source.Raw[key] is JsonArray list && IsToken(list)))
        {
            config[key] = _source.Raw[key]!.DeepClone(); // of which the model has the first
        }
        return config;
    }

    /// <summary>Writes the tokens that begin and end a text, from which programs know when to stop, unless the model has such a
    /// file.</summary>
    private static void WriteGeneration(string path, JsonObject config)
    {
        if (!File.Exists(path))
        {
            var generation = new JsonObject { ["_from_model_config"] = true };
            foreach (string key in s_specialTokens.Where(key => IsToken(config[key])))
            {
                generation[key] = config[key]!.DeepClone();
            }
            AtomicFile.WriteText(path, HfConfig.Text(generation));
        }
    }

    /// <summary>Whether it is a token or a list of some; -1 is none.</summary>
    private static bool IsToken(JsonNode? node) =>
        node is JsonArray { Count: > 0 } || (node is JsonValue value && value.TryGetValue(out int id) && id >= 0);

    /// <summary>Raises model_max_length to the window: tokenizers cut texts there, or warn, and it is often still the original window.
    /// </summary>
    private void RaiseTokenizerLimit(string path, int window)
    {
        if (!File.Exists(path))
        {
            return;
        }
        JsonObject config = JsonSection.ReadFile(path).Json;
        bool isTooShort = config["model_max_length"] is JsonValue value && value.TryGetValue(out double length) && length < window;
        if (!isTooShort && !_isAsLlama)
        {
            return;
        }
        if (isTooShort)
        {
            config["model_max_length"] = window;
        }
        if (_isAsLlama)
        {
            config.Remove("auto_map");
            config["tokenizer_class"] = "LlamaTokenizer";
        }
        AtomicFile.WriteText(path, HfConfig.Text(config));
    }

    /// <summary>Gives the tensors their type, and a head without rows of length 1 such rows.</summary>
    private sealed class Weights(IWeightWriter writer, ScalarType? type, string? normalizedHead) : IWeightWriter
    {
        public IReadOnlyList<OutputTensor> Written { get; private set; } = [];

        public void Write(IReadOnlyList<OutputTensor> tensors) => writer.Write(Written =
        [
            .. tensors.Select(tensor => tensor with
            {
                Type = type ?? tensor.Type,
                Parts = tensor.Name == normalizedHead ? tensor.Parts.SelectMany(NormalizedRows.Of) : tensor.Parts,
            }),
        ]);
    }
}
