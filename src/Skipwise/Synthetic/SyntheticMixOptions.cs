namespace Skipwise.Synthetic;

/// <summary>Shares of the kinds of document in a corpus, and how long documents are.</summary>
public sealed record SyntheticMixOptions
{
    /// <summary>documents</summary>
    [Within(1, 1e7)]
    public required int Documents { get; init; }
    /// <summary>share of passkey texts; they fit the window</summary>
    [Within(0, 1)]
    public double PasskeyFraction { get; init; } = 0.2;
    /// <summary>share of repeated lists</summary>
    [Within(0, 1)]
    public double ListFraction { get; init; }
    /// <summary>tokens that a window holds, BOS included</summary>
    [Within(2, 1 << 24)]
    public required int Window { get; init; }
    /// <summary>the longest chronicles; lengths are log-uniform from the window up to this</summary>
    [Within(1, 1 << 24)]
    public required int LongestChronicle { get; init; }
}
