namespace Skipwise.Positions;

/// <summary>One chunk in human-readable form; first and last are both included.</summary>
/// <param name="FirstToken">index in the document</param>
/// <param name="LastToken">index in the document</param>
/// <param name="FirstPosition">position id</param>
/// <param name="LastPosition">position id</param>
/// <param name="SkippedPositions">positions skipped since the previous chunk, or since 0</param>
/// <param name="SkippedTokens">tokens of the document skipped since the previous chunk, or since its beginning</param>
public sealed record ChunkDescription(int FirstToken, int LastToken, int FirstPosition, int LastPosition, int SkippedPositions,
    int SkippedTokens)
{
    /// <summary>tokens in the chunk</summary>
    public int Length => LastToken - FirstToken + 1;
}
