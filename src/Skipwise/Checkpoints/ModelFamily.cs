using Skipwise.Models;

namespace Skipwise.Checkpoints;

/// <summary>
/// What distinguishes a family's checkpoints, as data: the name in its config.json, and how its tensors are called. Inside Skipwise every
/// tensor has its canonical name, which is the one of Hugging Face's Llama.
/// </summary>
/// <param name="ModelType">config.json's model_type</param>
/// <param name="Architecture">config.json's architectures entry, written for a fresh model</param>
/// <param name="Renames">canonical part of a name -> the part that stands for it in the file</param>
/// <param name="IgnoredBuffers">endings of stored tensors that are no parameters: tables that old checkpoints carry along</param>
public sealed record ModelFamily(string ModelType, string Architecture, IReadOnlyList<(string Canonical, string Stored)> Renames, IReadOnlyList<string> IgnoredBuffers)
{
    private static readonly ModelFamily[] s_all =
    [
        new("llama", "LlamaForCausalLM", [], [".rotary_emb.inv_freq", ".attn.bias", ".masked_bias"]),
    ];

    /// <summary>The model_types that load.</summary>
    public static IEnumerable<string> Supported => s_all.Select(family => family.ModelType);

    /// <param name="modelType">config.json's model_type</param>
    /// <param name="file">path of the config.json, for the error</param>
    /// <exception cref="SkipwiseException">no such family</exception>
    public static ModelFamily Named(string? modelType, string file) =>
        Array.Find(s_all, family => family.ModelType == modelType)
        ?? throw new SkipwiseException($"{file}: key model_type: {(modelType is null ? "missing" : $"\"{modelType}\" is not supported")}; supported: {string.Join(", ", Supported)}");

    /// <summary>The name under which the file stores a canonical tensor.</summary>
    public string StoredName(string canonical) =>
        Renames.Aggregate(canonical, (name, rename) => name.Replace(rename.Canonical, rename.Stored, StringComparison.Ordinal));

    /// <summary>Whether a stored tensor is no parameter and may be left out.</summary>
    public bool Ignores(string stored) => IgnoredBuffers.Any(ending => stored.EndsWith(ending, StringComparison.Ordinal));

    /// <summary>The canonical parameters of a model with their shapes, in the order in which they are written. A tied head has none of its own.</summary>
    public static IEnumerable<(string Name, long[] Shape)> Parameters(DecoderConfig model)
    {
        // C hidden, I intermediate, V vocabulary, Q = H * D query width, K = kv heads * D key and value width
        long C = model.HiddenSize, I = model.IntermediateSize, V = model.VocabSize;
        long Q = (long)model.NumAttentionHeads * model.HeadDim, K = (long)model.NumKeyValueHeads * model.HeadDim;

        yield return (EmbeddingName, [V, C]);
        for (int layer = 0; layer < model.NumHiddenLayers; layer++)
        {
            string prefix = $"model.layers.{layer}.";
            (string Name, long Out, long In, bool Bias)[] projections =
            [
                ("self_attn.q_proj", Q, C, model.AttentionBias),
                ("self_attn.k_proj", K, C, model.AttentionBias),
                ("self_attn.v_proj", K, C, model.AttentionBias),
                ("self_attn.o_proj", C, Q, model.AttentionBias),
                ("mlp.gate_proj", I, C, model.MlpBias),
                ("mlp.up_proj", I, C, model.MlpBias),
                ("mlp.down_proj", C, I, model.MlpBias),
            ];
            foreach ((string name, long rows, long columns, bool bias) in projections)
            {
                yield return ($"{prefix}{name}.weight", [rows, columns]);
                if (bias)
                {
                    yield return ($"{prefix}{name}.bias", [rows]);
                }
            }
            yield return ($"{prefix}input_layernorm.weight", [C]);
            yield return ($"{prefix}post_attention_layernorm.weight", [C]);
        }
        yield return ("model.norm.weight", [C]);
        if (!model.TieWordEmbeddings)
        {
            yield return (HeadName, [V, C]);
        }
    }

    public const string EmbeddingName = "model.embed_tokens.weight";
    public const string HeadName = "lm_head.weight";
}
