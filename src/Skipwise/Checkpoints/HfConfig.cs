using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Skipwise.Checkpoints.Llama2c;
using Skipwise.Models;

namespace Skipwise.Checkpoints;

/// <summary>
/// A Hugging Face config.json: what Skipwise computes with (<see cref="Model"/>), and the whole file, since every key
/// that Skipwise does not know has to survive a round trip.
/// </summary>
public sealed class HfConfig
{
    public const string FileName = "config.json";
    private static readonly JsonSerializerOptions s_indented = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
    private readonly string _text;

    private HfConfig(JsonSection root, string text)
    {
        _text = text;
        Raw = root.Json;
        Family = ModelFamily.Named(root.OptionalString("model_type"), root.File);
        Model = ReadModel(root);
    }

    /// <summary>Every key of the file.</summary>
    public JsonObject Raw { get; }
    public ModelFamily Family { get; }
    /// <summary>The model as the file describes it.</summary>
    public DecoderConfig Model { get; }

    /// <summary>The configuration of a model: the folder's config.json, or what a checkpoint of llama2.c says of itself.</summary>
    /// <inheritdoc cref="Read"/>
    public static HfConfig Of(string model)
    {
        if (Llama2cFile.Find(model) is not { } checkpoint)
        {
            return Read(Path.Combine(model, FileName));
        }
        using Llama2cFile file = Llama2cFile.Open(checkpoint);
        return Create(file.Header.Model);
    }

    /// <exception cref="SkipwiseException">no such file, broken JSON, an unsupported model_type or rope type, a key missing or of the wrong kind</exception>
    public static HfConfig Read(string path)
    {
        try
        {
            return Parse(File.ReadAllText(path), path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new SkipwiseException($"{path}: cannot be read: {e.Message}. A model is a folder with config.json and its weights", e);
        }
    }

    /// <inheritdoc cref="Read"/>
    public static HfConfig Parse(string json, string path) => new(JsonSection.Parse(json, path), json);

    /// <summary>The config.json of a model that has none yet.</summary>
    public static HfConfig Create(DecoderConfig model)
    {
        ModelFamily family = ModelFamily.Named("llama", FileName);
        var raw = new JsonObject
        {
            ["architectures"] = new JsonArray(family.Architecture),
            ["model_type"] = family.ModelType,
            ["vocab_size"] = model.VocabSize,
            ["hidden_size"] = model.HiddenSize,
            ["intermediate_size"] = model.IntermediateSize,
            ["num_hidden_layers"] = model.NumHiddenLayers,
            ["num_attention_heads"] = model.NumAttentionHeads,
            ["num_key_value_heads"] = model.NumKeyValueHeads,
            ["head_dim"] = model.HeadDim,
            ["hidden_act"] = "silu",
            ["rms_norm_eps"] = Float(model.RmsNormEps),
            ["initializer_range"] = Float(model.InitializerRange),
            ["attention_bias"] = model.AttentionBias,
            ["mlp_bias"] = model.MlpBias,
            ["tie_word_embeddings"] = model.TieWordEmbeddings,
            ["bos_token_id"] = model.BosTokenId,
            ["eos_token_id"] = model.EosTokenId,
            ["pad_token_id"] = model.PadTokenId,
            ["torch_dtype"] = "float32",
        };
        return Parse(Text(ForExtended(raw, model)), FileName);
    }

    /// <summary>
    /// The file's text for this model: unchanged to the last byte if the model is still what the file says, else with the rope and window
    /// rewritten as <see cref="ForExtended"/> does.
    /// </summary>
    public string TextFor(DecoderConfig model) =>
        model.Rope == Model.Rope && model.MaxPositionEmbeddings == Model.MaxPositionEmbeddings ? _text : Text(ForExtended(Raw, model));

    /// <summary>
    /// The configuration of an extended model, every other key of the original kept. NTK becomes a plain rope_theta and revised YaRN a
    /// longrope, because other programs know neither and compute both exactly so. Written under the keys of transformers 4 and 5.
    /// </summary>
    public static JsonObject ForExtended(JsonObject raw, DecoderConfig model)
    {
        var config = (JsonObject)raw.DeepClone();
        RopeConfigWriter.Write(config, model);
        return config;
    }

    /// <summary>Indented JSON with a final newline.</summary>
    public static string Text(JsonObject config) => config.ToJsonString(s_indented) + "\n";

    /// <summary>A number that keeps its decimal point: transformers 4.31 to 4.42 refuse a rope factor written as 8 instead of 8.0.</summary>
    internal static JsonNode Float(double value)
    {
        string text = value.ToString("R", CultureInfo.InvariantCulture);
        return JsonNode.Parse(text.AsSpan().IndexOfAny('.', 'E') >= 0 ? text : text + ".0")!;
    }

    private static DecoderConfig ReadModel(JsonSection root)
    {
        Refuse(root, "hidden_act", root.OptionalString("hidden_act") ?? "silu", "silu");
        Refuse(root, "partial_rotary_factor", root.Double("partial_rotary_factor", 1), 1);
        if (root.Has("quantization_config"))
        {
            throw root.Wrong("quantization_config", "quantised weights are not supported. Use the model's unquantised checkpoint");
        }
        int hidden = root.Positive("hidden_size");
        int heads = root.Positive("num_attention_heads");
        int keyValueHeads = root.Positive("num_key_value_heads", heads);
        if (heads % keyValueHeads != 0)
        {
            throw root.Wrong("num_key_value_heads", $"{keyValueHeads} does not divide num_attention_heads {heads}");
        }
        if (!root.Has("head_dim") && hidden % heads != 0)
        {
            throw root.Wrong("num_attention_heads", $"{heads} does not divide hidden_size {hidden}, and there is no head_dim");
        }
        int headDim = root.Positive("head_dim", hidden / heads);
        if (headDim % 2 != 0)
        {
            throw root.Wrong("head_dim", $"{headDim} is odd; a rotary embedding turns pairs of dimensions");
        }
        var model = new DecoderConfig
        {
            VocabSize = root.Positive("vocab_size"),
            HiddenSize = hidden,
            IntermediateSize = root.Positive("intermediate_size"),
            NumHiddenLayers = root.Positive("num_hidden_layers"),
            NumAttentionHeads = heads,
            NumKeyValueHeads = keyValueHeads,
            HeadDim = headDim,
            RmsNormEps = root.Double("rms_norm_eps", 1e-6),
            TieWordEmbeddings = root.Bool("tie_word_embeddings", false),
            AttentionBias = root.Bool("attention_bias", false),
            MlpBias = root.Bool("mlp_bias", false),
            MaxPositionEmbeddings = root.Positive("max_position_embeddings"),
            InitializerRange = root.Double("initializer_range", 0.02),
            BosTokenId = root.TokenId("bos_token_id"),
            EosTokenId = root.TokenId("eos_token_id"),
            PadTokenId = root.TokenId("pad_token_id"),
        };
        return RopeConfigReader.Read(root, model);
    }

    private static void Refuse<T>(JsonSection root, string key, T found, T only)
    {
        if (!Equals(found, only))
        {
            throw root.Wrong(key, $"found {found}; only {only} is supported");
        }
    }
}
