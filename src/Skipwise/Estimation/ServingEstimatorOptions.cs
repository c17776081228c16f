using Skipwise.Models;
using Skipwise.Runtime;

namespace Skipwise.Estimation;

/// <summary>The model to be served.</summary>
public sealed record ServingEstimatorOptions
{
    /// <summary>Hugging Face folder, or a GGUF file; its weights are not read</summary>
    [PathName]
    public required string Model { get; init; }
    /// <summary>tokens of a text, prompt and answer; null: the model's window</summary>
    [Within(1, 1 << 27)]
    public int? ContextLength { get; init; }
    /// <summary>RoPE scaling in place of config.json's; it may decide the window</summary>
    public RopeOverrides Rope { get; init; } = new();
    /// <summary>device and element type</summary>
    public ComputeOptions Compute { get; init; } = new();
    /// <summary>bytes that the server may use; null: all of the machine or the GPU</summary>
    [Within(1, 1L << 60)]
    public long? Memory { get; init; }
}
