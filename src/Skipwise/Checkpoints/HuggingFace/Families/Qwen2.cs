using Skipwise.Models;
using Skipwise.Storage;

namespace Skipwise.Checkpoints.HuggingFace.Families;

/// <summary>Qwen 2 and 2.5: Llama with biases on queries, keys and values only, and optionally a sliding window in the upper
/// layers.</summary>
internal static class Qwen2
{
    public static readonly ModelFamily Family = new()
    {
        ModelType = "qwen2",
        Architecture = "Qwen2ForCausalLM",
        Read = (root, model) => Sliding(root, model) with { AttentionBias = true },
    };

    /// <summary>Reads use_sliding_window, sliding_window and max_window_layers. Layers below max_window_layers have full
    /// attention.</summary>
    public static DecoderConfig Sliding(JsonSection root, DecoderConfig model)
    {
        int? window = root.OptionalPositive("sliding_window");
        int first = root.Int("max_window_layers", 28);
        if (first < 0)
        {
            throw root.Error("max_window_layers", $"expected 0 or more, found {first}");
        }
        return root.Bool("use_sliding_window", false) && first < model.NumHiddenLayers && window is not null
            ? model with { SlidingWindow = window, FirstSlidingLayer = first }
            : model;
    }
}
