namespace Skipwise.Synthetic;

/// <summary>The proportions of the kinds of documents in a corpus, and the documents' lengths.</summary>
internal sealed record SyntheticMixOptions
{
    /// <summary>number of documents</summary>
    [Within(1, 1e7)]
    public required int Documents { get; init; }
    /// <summary>fraction of passkey texts, which fit the window</summary>
    [Within(0, 1)]
    public double PasskeyFraction { get; init; } = 0.2;
    /// <summary>fraction of repeated lists</summary>
    [Within(0, 1)]
    public double ListFraction { get; init; }
    /// <summary>window in tokens, BOS included</summary>
    [Within(2, 1 << 24)]
    public required int Window { get; init; }
    /// <summary>length of the longest chronicles in tokens; lengths are log-uniform from the window to this</summary>
    [Within(1, 1 << 24)]
    public required int LongestChronicle { get; init; }
}
