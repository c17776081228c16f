namespace Skipwise.Evaluation.Results;

/// <summary>The scores that a model must reach at a length for that length to count as effective.</summary>
internal sealed record EffectiveLengthRule
{
    /// <summary>least passkey accuracy, 0..1</summary>
    [Within(0, 1)]
    public double MinPasskey { get; init; } = 0.9;
    /// <summary>least average over the RULER tasks, in percent; the default is RULER's own (Llama-2-7B-chat at 4096 tokens)</summary>
    [Within(0, 100)]
    public double MinRuler { get; init; } = 85.6;
}
