using System.Text.Json.Nodes;
using Skipwise.Checkpoints.Formats;
using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Models;
using Skipwise.Rope;
using Skipwise.Storage;
using Skipwise.Storage.Gguf;

namespace Skipwise.Checkpoints.Gguf;

/// <summary>
/// The config.json of the model in a GGUF file, made of its keys and of what tensors there are. The counterpart of
/// <see cref="GgufExport"/>. From there on the model is an ordinary one of its family.
/// </summary>
internal static class GgufConfig
{
    private const string QueryBias = "blk.0.attn_q.bias", OutputBias = "blk.0.attn_output.bias", MlpBias = "blk.0.ffn_up.bias";
    private const string Embedding = "token_embd.weight", Head = "output.weight";

    /// <summary>Reads the configuration.</summary>
    /// <exception cref="SkipwiseException">a key is missing or of another type, or the file holds something that is not
    /// supported</exception>
    public static HfConfig Read(GgufFile file)
    {
        var keys = new GgufKeys(file.Path, file.Values);
        RequireWholeModel(keys);
        GgufArchitecture architecture = ArchitectureOf(file);
        string prefix = architecture.Name + ".";
        RequireSupported(keys, prefix);
        bool Has(string tensor) => file.Tensors.ContainsKey(tensor);
        ModelFamily family = ModelFamily.FromModelType(architecture.ModelType((Has(QueryBias), Has(OutputBias))), file.Path);
        int hidden = keys.Required(prefix + "embedding_length", DecoderConfigReader.WidestLayer);
        int heads = keys.Required(prefix + "attention.head_count", DecoderConfigReader.WidestLayer);
        int valueHeads = keys.Count(prefix + "attention.head_count_kv", heads) ?? heads;
        int headDim = HeadDim(keys, prefix, hidden, heads);
        int rotating = keys.Count(prefix + "rope.dimension_count", headDim) ?? headDim;
        int window = keys.Required(prefix + "context_length", JsonSection.LargestCount), vocabulary = Rows(file);
        bool hasLayerNorm = architecture.Norm == NormKind.Layer;
        string epsilon = prefix + (hasLayerNorm ? "attention.layer_norm_epsilon" : "attention.layer_norm_rms_epsilon");
        var raw = new JsonObject
        {
            ["architectures"] = new JsonArray(family.Architecture),
            ["model_type"] = family.ModelType,
            ["vocab_size"] = vocabulary,
            ["hidden_size"] = hidden,
            ["intermediate_size"] = keys.Required(prefix + "feed_forward_length", 16 * DecoderConfigReader.WidestLayer),
            ["num_hidden_layers"] = keys.Required(prefix + "block_count", DecoderConfigReader.MostLayers),
            ["num_attention_heads"] = heads,
            ["num_key_value_heads"] = valueHeads,
            [family.KeyOf("rms_norm_eps")] = HfConfig.Float(keys.Number(epsilon) ?? throw keys.Error(epsilon, "missing")),
            ["tie_word_embeddings"] = !Has(Head),
            ["max_position_embeddings"] = window,
            ["torch_dtype"] = TypeOf(file),
        };
        foreach (string role in (string[])["bos", "eos", "pad"])
        {
            string key = $"tokenizer.ggml.{(role == "pad" ? "padding" : role)}_token_id";
            raw[$"{role}_token_id"] = keys.Count(key, int.MaxValue, least: 0) is { } id && id < vocabulary ? id : null;
        }
        if (!architecture.HeadsAreOfUsualSize)
        {
            raw["head_dim"] = headDim;
        }
        else if (family.FusedWeights.Any(fused => fused.PerHead) && valueHeads != heads)
        {
            throw keys.Error(prefix + "attention.head_count_kv", $"is {valueHeads}, expected that of queries, {heads}");
        }
        else if (headDim * heads != hidden)
        {
            throw keys.Error(prefix + "attention.key_length", $"is {headDim}, expected embedding_length / head_count, {hidden} / {heads}");
        }
        if (architecture.RotatesAShare)
        {
            raw[family.RotaryFractionKeys[0]] = HfConfig.Float(Fraction(rotating, headDim));
        }
        else if (rotating != headDim)
        {
            throw keys.Error(prefix + "rope.dimension_count", $"is {rotating}, expected the head's size, {headDim}");
        }
        if (family.ModelType == "llama")
        {
            raw["attention_bias"] = Has(QueryBias);
            raw["mlp_bias"] = Has(MlpBias);
        }
        if (hasLayerNorm)
        {
            raw["use_parallel_residual"] = keys.Truth(prefix + "use_parallel_residual", missing: true);
        }
        if (keys.Count(prefix + "attention.sliding_window", int.MaxValue, least: 0) is > 0 and var width && width < window
            && family.ModelType == "phi3") // llama.cpp's other architectures here have none
        {
            raw["sliding_window"] = width;
        }
        HfConfig plain = HfConfig.Parse(HfConfig.Text(raw), file.Path);
        DecoderConfig model = plain.Model with { Rope = GgufScaling.Read(file, keys, plain.Model.RotaryDim, window) };
        JsonObject extended = HfConfig.ForExtended(raw, model);
        if (model.Rope.Type == RopeType.Linear && !keys.Has(prefix + "rope.scaling.original_context_length"))
        {
            // not in the file but guessed: the reader of config.json makes the same guess, and warns
            extended.Remove(RopeConfigReader.OriginalKey);
            (extended["rope_scaling"] as JsonObject)?.Remove(RopeConfigReader.OriginalKey);
        }
        return HfConfig.Parse(HfConfig.Text(extended), file.Path);
    }

    /// <summary>The architecture of a file.</summary>
    /// <exception cref="SkipwiseException">the file names none, or one that is not known</exception>
    public static GgufArchitecture ArchitectureOf(GgufFile file) => GgufRopeReader.ArchitectureOf(file) is var name
        && GgufArchitecture.FromName(name) is { } known ? known
        : throw new SkipwiseException(
            $"{file.Path}: key general.architecture: {name} is not supported; supported: {string.Join(", ", GgufArchitecture.Names)}");

    /// <summary>The parts of a split file behind the first one have no other keys than these.</summary>
    private static void RequireWholeModel(GgufKeys keys)
    {
        if (keys.Count("split.count", int.MaxValue, least: 0) is > 1 and var parts)
        {
            int? part = keys.Count("split.no", int.MaxValue, least: 0);
            throw keys.Error("split.count",
                $"this is file {part + 1} of {parts}, and only whole models are read", "Join them with llama.cpp's llama-gguf-split");
        }
        keys.RequireModel();
    }

    private static void RequireSupported(GgufKeys keys, string prefix)
    {
        if (!keys.Truth(prefix + "attention.causal", missing: true))
        {
            throw keys.Error(prefix + "attention.causal", "is false: only causal models are supported", "Choose another model");
        }
        if (keys.Count(prefix + "expert_count", int.MaxValue, least: 0) is > 0 and var experts)
        {
            throw keys.Error(prefix + "expert_count", $"{experts} experts: mixtures of experts are not supported", "Choose another model");
        }
    }

    private static int HeadDim(GgufKeys keys, string prefix, int hidden, int heads)
    {
        string key = prefix + "attention.key_length";
        int? stated = keys.Count(key, DecoderConfigReader.LargestHead);
        if (keys.Count(prefix + "attention.value_length", DecoderConfigReader.LargestHead) is { } values && values != (stated ?? values))
        {
            throw keys.Error(prefix + "attention.value_length", $"is {values}, expected that of keys, {stated}");
        }
        return stated ?? (hidden % heads == 0 ? hidden / heads
            : throw keys.Error(prefix + "attention.head_count", $"{heads} does not divide {prefix}embedding_length {hidden}"));
    }

    private static int Rows(GgufFile file) => file.Tensors.TryGetValue(Embedding, out TensorEntry? entry)
        && entry.Shape is [> 0 and <= DecoderConfigReader.LargestVocabulary and var rows, _] ? (int)rows
        : throw new SkipwiseException(
            $"{file.Path}: tensor {Embedding}: {(entry is null ? "missing" : $"found {entry}, expected rows of the vocabulary")}. " +
            "A file of a vocabulary alone is no model");

    /// <summary>A fraction that gives the number of dimensions again, which is rounded down.</summary>
    private static double Fraction(int rotating, int headDim)
    {
        double fraction = (double)rotating / headDim;
        return DecoderConfigReader.RotaryDim(headDim, fraction) == rotating ? fraction : Math.BitIncrement(fraction);
    }

    /// <summary>The type of most weights, as it is saved; float32 if some are quantized, because their values are.</summary>
    private static string TypeOf(GgufFile file) => file.Tensors.Values.Any(entry => entry.Type.Name is not ("F32" or "F16" or "BF16"))
        ? "float32"
        : file.Tensors.Values.GroupBy(entry => entry.Type.Name).MaxBy(type => type.Sum(entry => entry.Length))!.Key switch
        {
            "F16" => "float16",
            "BF16" => "bfloat16",
            _ => "float32",
        };
}
