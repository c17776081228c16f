namespace Skipwise.Tokenizers;

/// <summary>What a pre-tokenizer does with the places where its pattern matches (the names are those of tokenizer.json).</summary>
internal enum SplitBehavior
{
    /// <summary>the match is left out</summary>
    Removed,
    /// <summary>the match is a piece of its own</summary>
    Isolated,
    /// <summary>the match ends the piece before it</summary>
    MergedWithPrevious,
    /// <summary>the match starts the piece after it</summary>
    MergedWithNext,
    /// <summary>matches in a row are one piece</summary>
    Contiguous,
}
