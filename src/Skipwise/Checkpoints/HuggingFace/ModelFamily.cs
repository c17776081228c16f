using System.Text.Json.Nodes;
using Skipwise.Checkpoints.HuggingFace.Families;
using Skipwise.Models;
using Skipwise.Rope;
using Skipwise.Storage;

namespace Skipwise.Checkpoints.HuggingFace;

/// <summary>
/// A family's checkpoint format, as data: the keys of its config.json, and the names and fusion of its tensors. Inside Skipwise every
/// tensor has its canonical name, which is that of Hugging Face's Llama.
/// </summary>
public sealed partial record ModelFamily
{
    private static IEnumerable<ModelFamily> All =>
        [Llama.Family, Mistral.Family, Qwen2.Family, Qwen3.Family, Phi3.Family, Gemma.Family, Baichuan.Family, GptJ.Family, GptNeoX.Family];

    // Buffers that old checkpoints store. They are no parameters, and wrong after an extension.
    private static readonly string[] s_buffers =
        [".rotary_emb.inv_freq", ".rotary_emb.cos_cached", ".rotary_emb.sin_cached", ".attn.bias", ".attention.bias", ".masked_bias"];

    /// <summary>config.json's model_type</summary>
    public required string ModelType { get; init; }
    /// <summary>config.json's architectures entry, written for a fresh model</summary>
    public required string Architecture { get; init; }
    /// <summary>canonical part of a tensor's name -> its part in the file, in the order of replacement</summary>
    public IReadOnlyList<(string Canonical, string Stored)> TensorRenames { get; init; } = [];
    /// <summary>fused tensors</summary>
    public IReadOnlyList<FusedWeight> FusedWeights { get; init; } = [];
    /// <summary>Llama's key of config.json -> this family's</summary>
    public IReadOnlyDictionary<string, string> KeyNames { get; init; } = new Dictionary<string, string>();
    /// <summary>defaults of keys (Llama's names) that config.json may omit</summary>
    public IReadOnlyDictionary<string, JsonNode> Defaults { get; init; } = new Dictionary<string, JsonNode>();
    /// <summary>keys of config.json that hold the rotary base; if a file has several, they must agree</summary>
    public IReadOnlyList<string> ThetaKeys { get; init; } = ["rope_theta"];
    /// <summary>
    /// keys of config.json that hold the rotary fraction; if a file has several, they must agree. The first is always written
    /// </summary>
    public IReadOnlyList<string> RotaryFractionKeys { get; init; } = ["partial_rotary_factor"];
    /// <summary>the rotary fraction if config.json states none</summary>
    public double DefaultRotaryFraction { get; init; } = 1;
    /// <summary>
    /// the original window if neither rope_scaling nor config.json states it; null: derived from the type
    /// </summary>
    public int? DefaultOriginalLength { get; init; }
    /// <summary>the default scaling of an extension, and the form in which other programs accept it</summary>
    public RopePreference RopePreference { get; init; } = new();
    /// <summary>the activation if config.json states none</summary>
    public string DefaultActivation { get; init; } = "silu";
    /// <summary>intermediate size / hidden size if config.json states no intermediate size; null: it is required</summary>
    public int? DefaultIntermediateMultiple { get; init; }
    /// <summary>keys of this family that do not affect the computation</summary>
    public IReadOnlyList<string> IgnoredKeys { get; init; } = [];
    /// <summary>
    /// whether the PoSE reference code for this family computes <see cref="RopeType.YarnRevised"/> if config.json states yarn
    /// </summary>
    public bool OriginalCodeUsesRevisedYarn { get; init; }
    /// <summary>whether other programs compute this family's rotary embedding from constants, so that config.json cannot express a scaled
    /// one</summary>
    public bool RopeIsFixedElsewhere { get; init; }
    /// <summary>throws for unsupported models with the family's model_type</summary>
    internal Action<JsonSection> RejectUnsupported { get; init; } = _ => { };
    /// <summary>reads the keys that are specific to the family</summary>
    internal Func<JsonSection, DecoderConfig, DecoderConfig> Read { get; init; } = (_, model) => model;

    /// <summary>The supported model_types.</summary>
    public static IEnumerable<string> Supported => All.Select(family => family.ModelType);

    /// <summary>The family of a model_type.</summary>
    /// <param name="modelType">config.json's model_type</param>
    /// <param name="file">path of the config.json, for the error</param>
    /// <exception cref="SkipwiseException">no such family</exception>
    public static ModelFamily FromModelType(string? modelType, string file) =>
        All.FirstOrDefault(family => family.ModelType == modelType)
        ?? throw new SkipwiseException(
            $"{file}: key model_type: {(modelType is null ? "missing" : $"\"{modelType}\" is not supported")}; supported: " +
            $"{string.Join(", ", Supported)}");

    /// <summary>This family's name of a key of config.json.</summary>
    public string KeyOf(string key) => KeyNames.GetValueOrDefault(key, key);

    /// <summary>The stored name of a tensor that is not fused.</summary>
    public string StoredName(string canonical) =>
        TensorRenames.Aggregate(canonical, (name, rename) => name.Replace(rename.Canonical, rename.Stored, StringComparison.Ordinal));

    /// <summary>Whether a stored tensor is a buffer, which is neither loaded nor saved.</summary>
    public static bool Ignores(string stored) => s_buffers.Any(ending => stored.EndsWith(ending, StringComparison.Ordinal));
}
