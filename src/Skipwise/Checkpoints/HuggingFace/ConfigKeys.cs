using System.Text.Json;
using System.Text.Json.Nodes;
using Skipwise.Storage;

namespace Skipwise.Checkpoints.HuggingFace;

/// <summary>
/// Checks the keys of a config.json that were not read. Bookkeeping keys are ignored. A key whose name refers to the computation and whose
/// value switches something on is an error, because the model would compute something else. Other keys give a warning.
/// </summary>
internal static class ConfigKeys
{
    private static readonly HashSet<string> s_harmless =
    [
        "architectures", "model_type", "torch_dtype", "dtype", "transformers_version", "use_cache", "_name_or_path", "name_or_path",
        "auto_map",
        "tokenizer_class", "task_specific_params", "gradient_checkpointing", "_from_model_config", "model_max_length", "pretraining_tp",
        "output_attentions", "output_hidden_states", "return_dict", "attn_implementation", "_attn_implementation",
        "_attn_implementation_autoset",
        "use_return_dict", "torchscript", "id2label", "label2id", "num_labels", "problem_type", "finetuning_task", "classifier_dropout",
        "summary_activation", "summary_first_dropout", "summary_proj_to_labels", "summary_type", "summary_use_proj",
        "chunk_size_feed_forward",
        "is_decoder", "sep_token_id", "unk_token_id", "prefix", "unsloth_version", "unsloth_fixed", "use_bfloat16", "_commit_hash",
        "use_flash_attention", "use_flash_attn", "flash_attention",
    ];

    // Keys of which this decoder supports one value.
    private static readonly Dictionary<string, string> s_only = new()
    {
        ["rotary"] = "true",
        ["scale_attn_weights"] = "true",
        ["is_encoder_decoder"] = "false",
        ["tie_encoder_decoder"] = "false",
        ["position_embedding_type"] = "\"rope\"",
        ["position_embedding"] = "\"ROPE\"",
    };

    private static readonly HashSet<string> s_meaningful =
    [
        "alibi", "softcap", "softcapping", "capping", "scale", "scaling", "scalar", "scales", "multiplier", "quantization", "quantized",
        "quant", "rope", "mrope", "rotary",
        "window", "sliding", "expert", "experts", "moe", "norm", "layernorm", "normalization", "clip", "act", "activation", "attn",
        "attention", "bias",
        "biases", "residual", "parallel", "position", "positional", "positions", "logit", "logits", "head", "heads", "kv", "cross", "layer",
        "layers",
        "embedding", "embeddings", "mixer", "conv", "ssm", "lora", "sparse", "adapter", "adapters", "query", "key", "value", "qk", "qkv",
        "gate", "gated", "mlp",
    ];

    private static readonly HashSet<string> s_factors = ["scale", "scaling", "scales", "multiplier"];

    /// <returns>one warning per key that is not read</returns>
    /// <exception cref="SkipwiseException">a key that may change what the model computes</exception>
    public static IReadOnlyList<string> Check(JsonSection root, ModelFamily family)
    {
        if (root.Has("quantization_config"))
        {
            throw root.Error("quantization_config", "quantised weights are not supported. Use the model's unquantised checkpoint");
        }
        var warnings = new List<string>();
        foreach ((string key,
            JsonNode? value) in root.Json.Where(pair => !root.ReadKeys.Contains(pair.Key) && !s_harmless.Contains(pair.Key)
                && !family.IgnoredKeys.Contains(pair.Key)))
        {
            string found = value?.ToJsonString() ?? "null";
            string[] words = key.ToLowerInvariant().Split('_', StringSplitOptions.RemoveEmptyEntries);
            if (s_only.TryGetValue(key, out string? only))
            {
                if (found != only && value is not null)
                {
                    throw root.Error(key, $"found {found}; only {only} is supported");
                }
            }
            else if (words.Any(word => word is "dropout" or "pdrop"))
            {
                if (!IsOff(value, words))
                {
                    warnings.Add($"{root.File}: key {key}: {found} is not applied: nothing is dropped out in training");
                }
            }
            else if (!IsOff(value, words) && words.Any(s_meaningful.Contains))
            {
                throw root.Error(key,
                    $"found {found}: Skipwise does not know it, and by its name it may change what the model computes. Remove the key if " +
                    $"it does not");
            }
            else
            {
                warnings.Add($"{root.File}: key {key}: unknown, and not read");
            }
        }
        return warnings;
    }

    /// <summary>Whether a value switches nothing on: null, false, 0, empty; and 1 for a factor.</summary>
    private static bool IsOff(JsonNode? value, string[] words) => value?.GetValueKind() switch
    {
        null or JsonValueKind.False => true,
        JsonValueKind.Number => value.GetValue<double>() is var number && (number == 0 || (number == 1 && words.Any(s_factors.Contains))),
        JsonValueKind.Array => value.AsArray().Count == 0,
        JsonValueKind.Object => value.AsObject().Count == 0,
        _ => false,
    };
}
