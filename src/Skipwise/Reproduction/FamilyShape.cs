using System.Text.Json.Nodes;
using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Models;

namespace Skipwise.Reproduction;

/// <summary>A model family of figure 4, as a config.json of the run base's size.</summary>
/// <param name="Name">as the paper names it</param>
/// <param name="Paper">the model of the paper that it stands for</param>
/// <param name="Values">keys of config.json for a base of this size; null: the run's own base</param>
internal sealed record FamilyShape(string Name, string Paper, Func<DecoderConfig, JsonObject>? Values)
{
    /// <summary>The families of the paper, and the shape of GPT-NeoX.</summary>
    public static IReadOnlyList<FamilyShape> All { get; } =
    [
        new("llama", "LLaMA-7B", null),
        new("gptj", "GPT-J-6B", model => new JsonObject
        {
            ["architectures"] = new JsonArray("GPTJForCausalLM"),
            ["model_type"] = "gptj",
            ["n_embd"] = model.HiddenSize,
            ["n_inner"] = 4 * model.HiddenSize,
            ["n_layer"] = model.NumHiddenLayers,
            ["n_head"] = model.NumAttentionHeads,
            ["n_positions"] = model.MaxPositionEmbeddings,
            ["rotary_dim"] = model.HeadDim / 2,
        }),
        new("baichuan", "Baichuan2-7B", model => new JsonObject
        {
            ["architectures"] = new JsonArray("BaichuanForCausalLM"),
            ["model_type"] = "baichuan",
            ["hidden_size"] = model.HiddenSize,
            ["intermediate_size"] = model.IntermediateSize,
            ["num_hidden_layers"] = model.NumHiddenLayers,
            ["num_attention_heads"] = model.NumAttentionHeads,
            ["max_position_embeddings"] = model.MaxPositionEmbeddings,
        }),
        new("gpt_neox", "beyond the paper", model => new JsonObject
        {
            ["architectures"] = new JsonArray("GPTNeoXForCausalLM"),
            ["model_type"] = "gpt_neox",
            ["hidden_size"] = model.HiddenSize,
            ["intermediate_size"] = 4 * model.HiddenSize,
            ["num_hidden_layers"] = model.NumHiddenLayers,
            ["num_attention_heads"] = model.NumAttentionHeads,
            ["max_position_embeddings"] = model.MaxPositionEmbeddings,
            ["rotary_pct"] = 0.5,
            ["use_parallel_residual"] = true,
        }),
    ];

    /// <summary>The family of the shipped base with heads of another width, and as many times more of them.</summary>
    /// <param name="divisor">of the width of a head; the width must be an even multiple of it</param>
    public static FamilyShape OfHeads(int divisor) => new($"{divisor} times the heads", "beyond the paper", model => new JsonObject
    {
        ["architectures"] = new JsonArray("LlamaForCausalLM"),
        ["model_type"] = "llama",
        ["hidden_size"] = model.HiddenSize,
        ["intermediate_size"] = model.IntermediateSize,
        ["num_hidden_layers"] = model.NumHiddenLayers,
        ["num_attention_heads"] = divisor * model.NumAttentionHeads,
        ["max_position_embeddings"] = model.MaxPositionEmbeddings,
        ["tie_word_embeddings"] = model.TieWordEmbeddings,
    });

    /// <summary>The configuration of a base of this family, with the size, vocabulary and RoPE base of another.</summary>
    public HfConfig Config(DecoderConfig model)
    {
        JsonObject config = Values!(model);
        config["vocab_size"] = model.VocabSize;
        config["rope_theta"] = model.Rope.Theta;
        config["initializer_range"] = model.InitializerRange;
        config["bos_token_id"] = model.BosTokenId;
        config["eos_token_id"] = model.EosTokenId;
        config["tie_word_embeddings"] ??= false;
        config["torch_dtype"] = "float32";
        return HfConfig.Parse(config.ToJsonString(), $"config.json of the {Name} base");
    }
}
