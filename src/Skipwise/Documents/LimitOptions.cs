namespace Skipwise.Documents;

/// <summary>Limits of reading text files, because a damaged or malicious file could take all memory and time.</summary>
public sealed record LimitOptions
{
    /// <summary>largest document, line or row in MB, decompressed</summary>
    [Within(1, 1 << 20)]
    public int MaxDocumentMegabytes { get; init; } = 512;

    /// <summary>largest ratio of decompressed to compressed size of a .gz or .zst file; applies above
    /// <see cref="MinDecompressedLimit"/></summary>
    [Within(1, 1e9)]
    public int MaxDecompressionRatio { get; init; } = 200;

    /// <summary>decompressed bytes that are allowed for every file</summary>
    internal const long MinDecompressedLimit = 64L << 20;
}
