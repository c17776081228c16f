using System.Text.Json.Nodes;
using Skipwise.Models;
using Skipwise.Rope;

namespace Skipwise.Checkpoints.HuggingFace.Families;

/// <summary>GPT-J: one LayerNorm feeds attention and feed-forward in parallel; dimensions 2i and 2i + 1 rotate together; the head has a
/// bias.</summary>
internal static class GptJ
{
    public static readonly ModelFamily Family = new()
    {
        ModelType = "gptj",
        Architecture = "GPTJForCausalLM",
        TensorRenames =
        [
            ("model.embed_tokens.", "transformer.wte."),
            ("model.layers.", "transformer.h."),
            ("model.norm.", "transformer.ln_f."),
            (".self_attn.o_proj.", ".attn.out_proj."),
            (".self_attn.", ".attn."),
            (".mlp.up_proj.", ".mlp.fc_in."),
            (".mlp.down_proj.", ".mlp.fc_out."),
            (".input_layernorm.", ".ln_1."),
        ],
        KeyNames = new Dictionary<string, string>
        {
            ["hidden_size"] = "n_embd",
            ["intermediate_size"] = "n_inner",
            ["num_hidden_layers"] = "n_layer",
            ["num_attention_heads"] = "n_head",
            ["max_position_embeddings"] = "n_positions",
            ["rms_norm_eps"] = "layer_norm_epsilon",
            ["hidden_act"] = "activation_function",
        },
        Defaults = new Dictionary<string, JsonNode> { ["rms_norm_eps"] = 1e-5, ["rotary_dim"] = 64 },
        DefaultActivation = "gelu_new",
        DefaultIntermediateMultiple = 4,
        RotaryFractionKeys = [], // rotary_dim counts the dimensions
        RopeIsFixedElsewhere = true,
        Read = (root, model) => model with
        {
            RotaryDim = root.Positive("rotary_dim"),
            RotaryLayout = RotaryLayout.Interleaved,
            Norm = NormKind.Layer,
            Residual = ResidualKind.ParallelSharedNorm,
            GatedFeedForward = false,
            MlpBias = true,
            HeadBias = true,
        },
    };
}
