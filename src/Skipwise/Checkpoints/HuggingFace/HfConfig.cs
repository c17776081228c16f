using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Skipwise.Checkpoints.Formats.Llama2c;
using Skipwise.Checkpoints.Gguf;
using Skipwise.Hub;
using Skipwise.Models;
using Skipwise.Rope;
using Skipwise.Storage;
using Skipwise.Storage.Gguf;
using TorchSharp;

namespace Skipwise.Checkpoints.HuggingFace;

/// <summary>
/// A Hugging Face config.json: the model that it describes (<see cref="Model"/>), and the whole file, because unknown keys must survive a
/// round trip.
/// </summary>
/// <example>
/// <code>
/// HfConfig config = HfConfig.Read("llama-2-7b/config.json");
/// Console.WriteLine($"{config.Model.NumHiddenLayers} layers, {config.Model.MaxPositionEmbeddings} tokens");
/// </code>
/// </example>
public sealed class HfConfig
{
    /// <summary>Name of the file in a model's folder.</summary>
    public const string FileName = "config.json";
    private static readonly JsonSerializerOptions s_indented =
        new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
    private static readonly string[] s_typeKeys = ["torch_dtype", "dtype"]; // transformers 4 writes the former, 5 the latter
    private readonly string _text;
    private readonly IReadOnlyList<string> _strangers;
    private readonly IReadOnlyList<string> _rope;

    private HfConfig(JsonSection root, string text)
    {
        _text = text;
        Raw = root.Json;
        Family = ModelFamily.FromModelType(root.OptionalString("model_type"), root.File);
        JsonSection keys = root with { Names = Family.KeyNames, Defaults = Family.Defaults };
        Model = DecoderConfigReader.Read(keys, Family);
        _strangers = ConfigKeys.Check(keys, Family);
        _rope = RopeWarnings.For(keys, Family, Model);
    }

    /// <summary>Every key of the file.</summary>
    public JsonObject Raw { get; }
    /// <summary>The family of its model_type.</summary>
    public ModelFamily Family { get; }
    /// <summary>The model as the file describes it.</summary>
    public DecoderConfig Model { get; }

    /// <summary>
    /// Warnings for the user: keys that are not read, a rope that can be read in two ways.
    /// </summary>
    public IReadOnlyList<string> Warnings => WarningsFor(new RopeOverrides());

    /// <summary>The warnings that remain after the user's rope options.</summary>
    public IReadOnlyList<string> WarningsFor(RopeOverrides rope) =>
        rope.Type is null && rope.OriginalLength is null ? [.. _strangers, .. _rope] : _strangers;

    /// <summary>
    /// The warning that transformers will compute another rotary embedding from the saved config.json; null if a version computes the
    /// same, or nothing was changed.
    /// </summary>
    public string? ExportWarning(DecoderConfig model) =>
        IsUnchanged(model) || ExportRoutes.For(this, model).Take(2).ToArray() is not [{ Possible: false }, { Possible: false } newest]
        ? null
            : $"no version of transformers will run the saved model: {newest.How}";

    /// <summary>Reads the configuration of a model: the folder's config.json, the header of a llama2.c checkpoint, or the keys of a
    /// GGUF file.</summary>
    /// <inheritdoc cref="Read"/>
    public static HfConfig ForModel(string model)
    {
        model = ModelFolder.Resolve(model);
        if (GgufStart.IsAt(model))
        {
            using var gguf = GgufFile.Open(model);
            return GgufConfig.Read(gguf);
        }
        if (Llama2cFile.Find(model) is not { } checkpoint)
        {
            return Read(Path.Combine(model, FileName));
        }
        using Llama2cFile file = Llama2cFile.Open(checkpoint);
        return Create(file.Header.Model);
    }

    /// <summary>Whether a folder or GGUF file holds a model's configuration.</summary>
    public static bool IsAt(string model) => ModelFolder.Resolve(model) is var found
        && (GgufStart.IsAt(found) || Llama2cFile.Find(found) is not null || File.Exists(Path.Combine(found, FileName)));

    /// <summary>Reads a config.json.</summary>
    /// <exception cref="SkipwiseException">no such file, broken JSON, an unsupported model_type or rope type, a key missing or of the
    /// wrong type</exception>
    public static HfConfig Read(string path) =>
        Parse(InputFile.ReadText(path, remedy: "A model is a folder with config.json and its weights, or a GGUF file"), path);

    /// <inheritdoc cref="Read"/>
    public static HfConfig Parse(string json, string path) => new(JsonSection.Parse(json, path), json);

    /// <summary>Creates the config.json of a new model.</summary>
    public static HfConfig Create(DecoderConfig model)
    {
        ModelFamily family = ModelFamily.FromModelType("llama", FileName);
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
            ["rms_norm_eps"] = Float(model.NormEps),
            ["initializer_range"] = Float(model.InitializerRange),
            ["attention_bias"] = model.AttentionBias,
            ["mlp_bias"] = model.MlpBias,
            ["tie_word_embeddings"] = model.TieWordEmbeddings,
            ["bos_token_id"] = model.BosTokenId,
            ["eos_token_id"] = model.EosTokenId,
            ["pad_token_id"] = model.PadTokenId,
            ["torch_dtype"] = "float32",
        };
        HfConfig config = Parse(Text(ForExtended(raw, model)), FileName);
        return Shape(config.Model) == Shape(model)
            ? config
            : throw new ArgumentException("is no Llama, and only such can be made afresh", nameof(model));

        static DecoderConfig Shape(DecoderConfig m) =>
            m with { Rope = new RopeOptions(), MaxPositionEmbeddings = 0, FrozenEmbeddingRow = null };
    }

    /// <summary>
    /// The file's text for this model: unchanged to the last byte if the model is still as in the file; else with rope and window
    /// rewritten by <see cref="ForExtended"/>, and with an untied head if an adapter untied it.
    /// </summary>
    /// <param name="type">the weights' type, if it is no longer the file's, written if the file states a type; else null</param>
    public string TextFor(DecoderConfig model, string? type = null)
    {
        bool isTied = model.TieWordEmbeddings == Model.TieWordEmbeddings;
        string[] types = [.. s_typeKeys.Where(key => type is not null && Raw[key] is JsonValue value
            && value.GetValueKind() == JsonValueKind.String && (string?)value != type)];
        if (IsUnchanged(model) && isTied && types.Length == 0)
        {
            return _text;
        }
        JsonObject config = IsUnchanged(model) ? (JsonObject)Raw.DeepClone() : ForExtended(Raw, model);
        if (!isTied)
        {
            config["tie_word_embeddings"] = model.TieWordEmbeddings;
        }
        foreach (string key in types)
        {
            config[key] = type;
        }
        return Text(config);
    }

    /// <summary>States the type of the weights, under the name that every program reads, and under the newer one if it is there.</summary>
    internal static void SetType(JsonObject config, torch.ScalarType type)
    {
        foreach (string key in s_typeKeys.Where(key => key == s_typeKeys[0] || config.ContainsKey(key)))
        {
            config[key] = type.ToString().ToLowerInvariant();
        }
    }

    /// <summary>Whether the weights are stored in 16 bits, by what the file says.</summary>
    internal bool HasHalfPrecision =>
        s_typeKeys.Any(key => Raw[key] is JsonValue value && value.TryGetValue(out string? type) && type is "bfloat16" or "float16");

    /// <summary>A hash of the file's text: 16 hexadecimal digits.</summary>
    internal string TextHash => ContentHash.OfText(_text);

    /// <summary>Whether the model's rope and window are still as in the file.</summary>
    public bool IsUnchanged(DecoderConfig model) => model.Rope == Model.Rope && model.MaxPositionEmbeddings == Model.MaxPositionEmbeddings;

    /// <summary>
    /// The configuration of an extended model; all other keys are kept. NTK is written as rope_theta and revised YaRN as longrope, because
    /// other programs do not know these types and compute the same in these forms. Uses the keys of transformers 4 and 5.
    /// </summary>
    public static JsonObject ForExtended(JsonObject raw, DecoderConfig model)
    {
        var config = (JsonObject)raw.DeepClone();
        RopeConfigWriter.Write(config, model, ModelFamily.FromModelType((string?)raw["model_type"], FileName));
        return config;
    }

    /// <summary>Indented JSON with a final newline.</summary>
    public static string Text(JsonObject config) => config.ToJsonString(s_indented) + "\n";

    /// <summary>A number with a decimal point: transformers 4.31 to 4.42 refuse a rope factor written as 8 instead of 8.0.</summary>
    internal static JsonNode Float(double value)
    {
        string text = value.ToString("R", CultureInfo.InvariantCulture);
        return JsonNode.Parse(text.AsSpan().IndexOfAny('.', 'E') >= 0 ? text : text + ".0")!;
    }
}
