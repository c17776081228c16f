using Skipwise.Inference;
using Skipwise.Models;
using Skipwise.Runtime;

namespace Skipwise.Recipes;

/// <summary>Device, element type and load-time changes of a <see cref="LanguageModel"/>.</summary>
public sealed record LanguageModelOptions
{
    /// <summary>device and element type; the default is float32, on a GPU if libtorch finds one</summary>
    public ComputeOptions Compute { get; init; } = new();
    /// <summary>RoPE scaling in place of config.json's; null members keep what config.json says</summary>
    public RopeOverrides Rope { get; init; } = new();
    /// <summary>folder of a LoRA adapter in PEFT's layout, merged into the weights; null for none</summary>
    [PathName]
    public string? Adapter { get; init; }
    /// <summary>memory and type of the keys and values of generated texts</summary>
    public EngineOptions Engine { get; init; } = new();
}
