using Skipwise.Evaluation;
using Skipwise.Reports.Comparing;

namespace Skipwise.Recipes;

/// <summary>Models to compare, what to measure them with, and the limits they must keep. What has no input is skipped.</summary>
public sealed record EvaluateAllOptions
{
    /// <summary>Hugging Face folders; the first is what the others are compared with</summary>
    public required IReadOnlyList<string> Models { get; init; }
    /// <summary>folder of the results; one that an earlier run left is continued</summary>
    public required string Out { get; init; }
    /// <summary>long documents for perplexity; null skips it</summary>
    public DataOptions? Data { get; init; }
    /// <summary>lengths in tokens of windows and prompts, the same for every model; empty takes the longest window and its halves, and the first model's original window</summary>
    public IReadOnlyList<int> Lengths { get; init; } = [];
    /// <summary>how perplexity is measured; its windows are <see cref="Lengths"/></summary>
    public PerplexityOptions Perplexity { get; init; } = new() { Windows = [] };
    /// <summary>how passkeys are asked for; its lengths are <see cref="Lengths"/></summary>
    public PasskeyOptions Passkey { get; init; } = new() { Lengths = [] };
    public EffectiveLengthRule EffectiveLength { get; init; } = new();
    public GateOptions Gates { get; init; } = new();
}

/// <summary>What a comparison tells while it runs; null members are not told.</summary>
public sealed record EvaluateAllProgress
{
    /// <summary>a measurement begins, or is found finished: in words</summary>
    public IProgress<string>? Stage { get; init; }
    /// <summary>tokens of a measurement</summary>
    public IProgress<EvaluationProgress>? Evaluation { get; init; }
}
