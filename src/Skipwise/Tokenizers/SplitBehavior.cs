namespace Skipwise.Tokenizers;

/// <summary>The treatment of a pre-tokenizer's matches, with the names of tokenizer.json.</summary>
internal enum SplitBehavior
{
    /// <summary>the match is removed</summary>
    Removed,
    /// <summary>the match is a separate piece</summary>
    Isolated,
    /// <summary>the match is the end of the piece before it</summary>
    MergedWithPrevious,
    /// <summary>the match is the beginning of the piece after it</summary>
    MergedWithNext,
    /// <summary>consecutive matches are one piece</summary>
    Contiguous,
}
