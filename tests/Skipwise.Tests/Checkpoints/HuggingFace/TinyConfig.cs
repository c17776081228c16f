using System.Text.Json.Nodes;
using Skipwise.Checkpoints.HuggingFace;

namespace Skipwise.Tests.Checkpoints.HuggingFace;

/// <summary>A small config.json of any family, unscaled: 4 heads of 16 dimensions, a window of 256 tokens.</summary>
internal static class TinyConfig
{
    public const int Window = 256;

    public static readonly string[] Families = [.. ModelFamily.Supported];

    /// <param name="changes">members that are added or replaced, or taken away by 'REMOVE'; quotes may be single ones</param>
    public static JsonObject Raw(string family, string changes = "")
    {
        string sizes = family == "gptj"
            ? """ "n_embd": 64, "n_layer": 2, "n_head": 4, "n_positions": 256, "rotary_dim": 8 """
            : """ "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4, """
                + """ "num_key_value_heads": 4, "max_position_embeddings": 256 """;
        string own = family switch
        {
            "gpt_neox" => """, "rotary_pct": 0.5, "rotary_emb_base": 10000 """,
            "mistral" => """, "sliding_window": null, "rope_theta": 10000.0 """,
            "qwen3" or "gemma" => """, "head_dim": 16, "rope_theta": 10000.0 """,
            "gptj" or "baichuan" => "",
            _ => """, "rope_theta": 10000.0 """,
        };
        string all = $$"""{"model_type": "{{family}}", "vocab_size": 96, "bos_token_id": 1, "eos_token_id": 2, {{sizes}} {{own}}}""";
        var raw = (JsonObject)JsonNode.Parse(all)!;
        foreach ((string key, JsonNode? value) in (JsonObject)JsonNode.Parse($"{{{changes.Replace('\'', '"')}}}")!)
        {
            raw.Remove(key);
            if (value?.ToString() != "REMOVE")
            {
                raw[key] = value?.DeepClone();
            }
        }
        return raw;
    }

    public static HfConfig Of(string family, string changes = "") => HfConfig.Parse(Raw(family, changes).ToJsonString(), "dir/config.json");
}
