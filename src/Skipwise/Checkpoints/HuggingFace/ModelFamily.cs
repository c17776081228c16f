using System.Text.Json.Nodes;
using Skipwise.Checkpoints.HuggingFace.Families;
using Skipwise.Models;
using Skipwise.Rope;
using Skipwise.Storage;

namespace Skipwise.Checkpoints.HuggingFace;

/// <summary>
/// What distinguishes a family's checkpoints, as data: how its config.json spells things, and how its tensors are called and joined. Inside
/// Skipwise every tensor has its canonical name, which is the one of Hugging Face's Llama.
/// </summary>
public sealed partial record ModelFamily
{
    private static IEnumerable<ModelFamily> All =>
        [Llama.Family, Mistral.Family, Qwen2.Family, Qwen3.Family, Phi3.Family, Gemma.Family, Baichuan.Family, GptJ.Family, GptNeoX.Family];

    // Tables that old checkpoints carry along: no parameters, and wrong once a window is extended.
    private static readonly string[] s_buffers =
        [".rotary_emb.inv_freq", ".rotary_emb.cos_cached", ".rotary_emb.sin_cached", ".attn.bias", ".attention.bias", ".masked_bias"];

    /// <summary>config.json's model_type</summary>
    public required string ModelType { get; init; }
    /// <summary>config.json's architectures entry, written for a fresh model</summary>
    public required string Architecture { get; init; }
    /// <summary>canonical part of a tensor's name -> the part that stands for it in the file, in the order in which they are
    /// replaced</summary>
    public IReadOnlyList<(string Canonical, string Stored)> TensorRenames { get; init; } = [];
    /// <summary>tensors that the file stores as one</summary>
    public IReadOnlyList<FusedWeight> FusedWeights { get; init; } = [];
    /// <summary>key of config.json as Llama spells it -> as this family does</summary>
    public IReadOnlyDictionary<string, string> KeyNames { get; init; } = new Dictionary<string, string>();
    /// <summary>values of keys (Llama's spelling) that config.json may leave out</summary>
    public IReadOnlyDictionary<string, JsonNode> Defaults { get; init; } = new Dictionary<string, JsonNode>();
    /// <summary>keys of config.json that hold the rotary base; a file may have several, which then agree</summary>
    public IReadOnlyList<string> ThetaKeys { get; init; } = ["rope_theta"];
    /// <summary>
    /// keys of config.json that hold the share of a head that rotates; a file may have several, which then agree. The first is always
    /// written
    /// </summary>
    public IReadOnlyList<string> RotaryFractionKeys { get; init; } = ["partial_rotary_factor"];
    /// <summary>the share of a config.json that states none</summary>
    public double DefaultRotaryFraction { get; init; } = 1;
    /// <summary>
    /// the window before the extension where neither rope_scaling nor a key beside it says it; null: it follows from the type
    /// </summary>
    public int? DefaultOriginalLength { get; init; }
    /// <summary>the scaling that an extension uses when the user names none, and the form in which others take it</summary>
    public RopePreference RopePreference { get; init; } = new();
    /// <summary>the activation of a config.json that names none</summary>
    public string DefaultActivation { get; init; } = "silu";
    /// <summary>intermediate size / hidden size of a config.json that gives no intermediate size; null requires it</summary>
    public int? DefaultIntermediateMultiple { get; init; }
    /// <summary>keys of this family that say nothing about the computation</summary>
    public IReadOnlyList<string> IgnoredKeys { get; init; } = [];
    /// <summary>
    /// the original repository's code for this family computes <see cref="RopeType.YarnRevised"/> where config.json says yarn
    /// </summary>
    public bool OriginalCodeUsesRevisedYarn { get; init; }
    /// <summary>other programs compute this family's rotary embedding from constants: a stretched one cannot be told to them in
    /// config.json</summary>
    public bool RopeIsFixedElsewhere { get; init; }
    /// <summary>throws for models that bear the family's name and are something else</summary>
    internal Action<JsonSection> RejectUnsupported { get; init; } = _ => { };
    /// <summary>what config.json says beyond the keys that all families share</summary>
    internal Func<JsonSection, DecoderConfig, DecoderConfig> Read { get; init; } = (_, model) => model;

    /// <summary>The model_types that load.</summary>
    public static IEnumerable<string> Supported => All.Select(family => family.ModelType);

    /// <param name="modelType">config.json's model_type</param>
    /// <param name="file">path of the config.json, for the error</param>
    /// <exception cref="SkipwiseException">no such family</exception>
    public static ModelFamily FromModelType(string? modelType, string file) =>
        All.FirstOrDefault(family => family.ModelType == modelType)
        ?? throw new SkipwiseException(
            $"{file}: key model_type: {(modelType is null ? "missing" : $"\"{modelType}\" is not supported")}; supported: " +
            $"{string.Join(", ", Supported)}");

    /// <summary>How this family's config.json spells a key.</summary>
    public string KeyOf(string key) => KeyNames.GetValueOrDefault(key, key);

    /// <summary>The name under which the file stores a tensor of its own.</summary>
    public string StoredName(string canonical) =>
        TensorRenames.Aggregate(canonical, (name, rename) => name.Replace(rename.Canonical, rename.Stored, StringComparison.Ordinal));

    /// <summary>Whether a stored tensor is no parameter; such are neither loaded nor saved again.</summary>
    public static bool Ignores(string stored) => s_buffers.Any(ending => stored.EndsWith(ending, StringComparison.Ordinal));
}
