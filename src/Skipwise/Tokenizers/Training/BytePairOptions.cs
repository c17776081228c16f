namespace Skipwise.Tokenizers.Training;

/// <summary>How a vocabulary is learned.</summary>
public sealed record BytePairOptions
{
    /// <summary>number of ids, special tokens and the 256 bytes included; a text with too few repeated pairs gives fewer</summary>
    [Within(1, 1 << 20)]
    public int VocabularySize { get; init; } = 1024;
    /// <summary>padding, begin and end of a text, in this order; they have the first ids</summary>
    public IReadOnlyList<string> SpecialTokens { get; init; } = ["<|pad|>", "<|begin|>", "<|end|>"];
    /// <summary>a pair that occurs less often is not merged</summary>
    [Within(1, 1e9)]
    public int MinimumPairCount { get; init; } = 2;
}
