namespace Skipwise.Evaluation.Results;

/// <summary>What a model must do at a length for that length to count as usable.</summary>
public sealed record EffectiveLengthRule
{
    /// <summary>share of passkeys found</summary>
    [Within(0, 1, Name = "--effective-passkey")]
    public double MinPasskey { get; init; } = 0.9;
    /// <summary>average over the RULER tasks, percent; the default is RULER's own (Llama-2-7B-chat at 4096 tokens)</summary>
    [Within(0, 100, Name = "--effective-ruler")]
    public double MinRuler { get; init; } = 85.6;
}
