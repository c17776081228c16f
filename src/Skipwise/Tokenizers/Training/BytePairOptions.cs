namespace Skipwise.Tokenizers.Training;

/// <summary>Options of training a BPE vocabulary.</summary>
internal sealed record BytePairOptions
{
    /// <summary>number of ids, special tokens and the 256 bytes included; fewer if the text has too few repeated pairs</summary>
    [Within(1, 1 << 20)]
    public int VocabularySize { get; init; } = 1024;
    /// <summary>padding, beginning and end of a text, in this order; they have the first ids</summary>
    public IReadOnlyList<string> SpecialTokens { get; init; } = ["<|pad|>", "<|begin|>", "<|end|>"];
    /// <summary>least number of occurrences of a merged pair</summary>
    [Within(1, 1e9)]
    public int MinimumPairCount { get; init; } = 2;
}
