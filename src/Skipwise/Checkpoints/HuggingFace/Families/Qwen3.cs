using System.Text.Json.Nodes;

namespace Skipwise.Checkpoints.HuggingFace.Families;

/// <summary>Qwen 3: Llama with normalized queries and keys.</summary>
internal static class Qwen3
{
    public static readonly ModelFamily Family = new()
    {
        ModelType = "qwen3",
        Architecture = "Qwen3ForCausalLM",
        Defaults = new Dictionary<string, JsonNode> { ["head_dim"] = 128 },
        Read = (root, model) => Qwen2.Sliding(root, model) with
        {
            QueryKeyNorm = true,
            AttentionBias = root.Bool("attention_bias", false),
            AttentionOutputBias = root.Bool("attention_bias", false),
        },
    };
}
