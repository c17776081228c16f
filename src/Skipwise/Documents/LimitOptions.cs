namespace Skipwise.Documents;

/// <summary>How much a file of text may ask for: a file that was made for it, or is broken, asks for all memory and all time.</summary>
public sealed record LimitOptions
{
    /// <summary>MB that one document, line or row may take in its file, unpacked</summary>
    [Within(1, 1 << 20, Name = "--max-document-mb")]
    public int MaxDocumentMegabytes { get; init; } = 512;

    /// <summary>times its own size that a .gz or .zst file may unpack to; no file is refused below
    /// <see cref="MinDecompressedLimit"/></summary>
    [Within(1, 1e9, Name = "--max-decompression-ratio")]
    public int MaxDecompressionRatio { get; init; } = 200;

    /// <summary>bytes that any packed file may unpack to</summary>
    internal const long MinDecompressedLimit = 64L << 20;
}
