namespace Skipwise.Evaluation.Results;

/// <summary>Limits that a comparison must keep; null ones are not asked.</summary>
public sealed record GateOptions
{
    /// <summary>least share of passkeys, at every measured length up to the model's window</summary>
    [Within(0, 1, Name = "--min-passkey")]
    public double? MinPasskey { get; init; }
    /// <summary>by how much the perplexity at the original window may exceed the first model's, as a share: 0.02 is 2 %</summary>
    [Within(-1, 1e6, Name = "--max-short-ppl-increase")]
    public double? MaxShortPplIncrease { get; init; }
    /// <summary>least effective length in tokens</summary>
    [Within(0, 1 << 27, Name = "--min-effective-length")]
    public int? MinEffectiveLength { get; init; }
}
