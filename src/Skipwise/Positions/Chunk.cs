namespace Skipwise.Positions;

/// <summary>A run of consecutive tokens of the document with consecutive positions.</summary>
/// <param name="ContentStart">index in the document of the first token</param>
/// <param name="Length">tokens, at least 1</param>
/// <param name="PositionStart">position id of the first token</param>
public readonly record struct Chunk(int ContentStart, int Length, int PositionStart)
{
    /// <summary>index in the document behind the last token</summary>
    public int ContentEnd => ContentStart + Length;

    /// <summary>position id behind the last token's</summary>
    public int PositionEnd => PositionStart + Length;
}
