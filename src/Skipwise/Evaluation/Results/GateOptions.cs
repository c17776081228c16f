namespace Skipwise.Evaluation.Results;

/// <summary>Acceptance limits of a comparison. Limits that are null are not checked.</summary>
internal sealed record GateOptions
{
    /// <summary>least passkey accuracy, 0..1, at every evaluated length up to the model's window</summary>
    [Within(0, 1)]
    public double? MinPasskey { get; init; }
    /// <summary>largest relative increase of the perplexity at the original window over the first model's: 0.02 is 2 %</summary>
    [Within(-1, 1e6)]
    public double? MaxShortPplIncrease { get; init; }
    /// <summary>least effective length in tokens</summary>
    [Within(0, 1 << 27)]
    public int? MinEffectiveLength { get; init; }
}
