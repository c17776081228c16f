using System.Text.Json.Nodes;
using Skipwise.Models;

namespace Skipwise.Checkpoints.HuggingFace.Families;

/// <summary>GPT-NeoX and Pythia: two LayerNorms, attention and feed-forward in parallel or in sequence, queries, keys and values fused
/// head by head.</summary>
internal static class GptNeoX
{
    public static readonly ModelFamily Family = new()
    {
        ModelType = "gpt_neox",
        Architecture = "GPTNeoXForCausalLM",
        FusedWeights = [new("self_attn.query_key_value", ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"], PerHead: true)],
        TensorRenames =
        [
            ("model.embed_tokens.", "gpt_neox.embed_in."),
            ("model.layers.", "gpt_neox.layers."),
            ("model.norm.", "gpt_neox.final_layer_norm."),
            ("lm_head.", "embed_out."),
            (".self_attn.o_proj.", ".attention.dense."),
            (".self_attn.", ".attention."),
            (".mlp.up_proj.", ".mlp.dense_h_to_4h."),
            (".mlp.down_proj.", ".mlp.dense_4h_to_h."),
        ],
        KeyNames = new Dictionary<string, string> { ["rms_norm_eps"] = "layer_norm_eps" },
        Defaults = new Dictionary<string, JsonNode> { ["rms_norm_eps"] = 1e-5 },
        ThetaKeys = ["rotary_emb_base", "rope_theta"],
        RotaryFractionKeys = ["rotary_pct", "partial_rotary_factor"], // transformers 4.45 and later save both
        DefaultRotaryFraction = 0.25,
        DefaultActivation = "gelu",
        Read = (root, model) => model with
        {
            Norm = NormKind.Layer,
            Residual = root.Bool("use_parallel_residual", true) ? ResidualKind.Parallel : ResidualKind.Sequential,
            GatedFeedForward = false,
            AttentionBias = root.Bool("attention_bias", true),
            AttentionOutputBias = root.Bool("attention_bias", true),
            MlpBias = true,
        },
    };
}
