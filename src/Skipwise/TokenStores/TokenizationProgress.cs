namespace Skipwise.TokenStores;

/// <summary>The progress of tokenization.</summary>
/// <param name="Documents">documents written</param>
/// <param name="Tokens">tokens written</param>
/// <param name="Bytes">their text in bytes of UTF-8</param>
public sealed record TokenizationProgress(long Documents, long Tokens, long Bytes);
