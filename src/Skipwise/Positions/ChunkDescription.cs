namespace Skipwise.Positions;

/// <summary>One chunk as a person reads it; all ends included.</summary>
/// <param name="FirstToken">index in the document</param>
/// <param name="LastToken">index in the document</param>
/// <param name="FirstPosition">position id</param>
/// <param name="LastPosition">position id</param>
/// <param name="SkippedPositions">positions left out since the chunk before, or since 0</param>
/// <param name="SkippedTokens">tokens of the document left out since the chunk before, or since its beginning</param>
public sealed record ChunkDescription(int FirstToken, int LastToken, int FirstPosition, int LastPosition, int SkippedPositions,
    int SkippedTokens)
{
    public int Length => LastToken - FirstToken + 1;
}
