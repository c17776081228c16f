using System.Text.Json.Nodes;
using Skipwise.Storage;

namespace Skipwise.Checkpoints.HuggingFace.Families;

/// <summary>
/// Baichuan 7B (1 and 2): Llama whose query, key and value projections are one tensor, W_pack. Baichuan 2 normalises the rows of its head,
/// and may train with a z-loss. The 13B models have no rotary embedding at all.
/// </summary>
internal static class Baichuan
{
    public static readonly ModelFamily Family = new()
    {
        ModelType = "baichuan",
        Architecture = "BaichuanForCausalLM",
        FusedWeights = [new("self_attn.W_pack", ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"])],
        OriginalCodeUsesRevisedYarn = true,
        RopeIsFixedElsewhere = true,
        Read = (root, model) => model with
        {
            NormalizedHead = !IsFirst(root),
            ZLossWeight = root.Double("z_loss_weight", 0),
        },
        RejectUnsupported = root =>
        {
            // The 13B's configuration has no max_position_embeddings: ALiBi needs none.
            bool is13B = root.Has("hidden_size") && root.Int("hidden_size") == 5120 && root.Has("num_hidden_layers")
                && root.Int("num_hidden_layers") == 40;
            if (is13B || !root.Has("max_position_embeddings"))
            {
                throw root.Error("max_position_embeddings",
                    "this is a Baichuan 13B, whose attention is biased by distance (ALiBi) and has no rotary embedding to extend. Use a " +
                    "7B model");
            }
        },
    };

    /// <summary>Whether this is Baichuan 1. Both generations have model_type baichuan; the first spells its class with a capital C and has
    /// an ordinary head.</summary>
    private static bool IsFirst(JsonSection root) =>
        root.Json["architectures"] is JsonArray names && names.Any(name => name?.ToString() == "BaiChuanForCausalLM");
}
