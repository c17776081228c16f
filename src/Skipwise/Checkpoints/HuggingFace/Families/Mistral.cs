using System.Text.Json.Nodes;

namespace Skipwise.Checkpoints.HuggingFace.Families;

/// <summary>Mistral 7B and similar models: Llama with a sliding window in every layer, unless config.json sets it to null.</summary>
internal static class Mistral
{
    public static readonly ModelFamily Family = new()
    {
        ModelType = "mistral",
        Architecture = "MistralForCausalLM",
        Defaults = new Dictionary<string, JsonNode> { ["sliding_window"] = 4096, ["num_key_value_heads"] = 8 },
        Read = (root, model) => model with { SlidingWindow = root.OptionalPositive("sliding_window") },
    };
}
