using System.Text.Json.Nodes;
using Skipwise.Rope;

namespace Skipwise.Checkpoints.HuggingFace.Families;

/// <summary>Phi 3 and 3.5 (mini, medium): Llama whose query, key and value projections are one tensor, and gate and up another.</summary>
internal static class Phi3
{
    public static readonly ModelFamily Family = new()
    {
        ModelType = "phi3",
        Architecture = "Phi3ForCausalLM",
        FusedWeights =
        [
            new("self_attn.qkv_proj", ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"]),
            new("mlp.gate_up_proj", ["mlp.gate_proj", "mlp.up_proj"]),
        ],
        Defaults = new Dictionary<string, JsonNode> { ["rms_norm_eps"] = 1e-5 },
        DefaultOriginalLength = 4096,
        RopePreference = new(RopeType.LongRope, LongRopeOnly: true), // every release of transformers loads this scaling for the family
        IgnoredKeys = ["embd_layer", "attention_bias"], // its projections have no bias, even if the file sets one
        Read = (root, model) => model with { SlidingWindow = root.OptionalPositive("sliding_window") },
    };
}
