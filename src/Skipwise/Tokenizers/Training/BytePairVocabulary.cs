namespace Skipwise.Tokenizers.Training;

/// <summary>A byte-level BPE vocabulary, as <see cref="BytePairTrainer"/> learns it.</summary>
/// <param name="SpecialTokens">they have the first ids and are never merged</param>
/// <param name="Tokens">every token by id: the special ones, the 256 bytes, the merged ones, in GPT-2's printable alphabet</param>
/// <param name="Merges">pairs of tokens to join, the most important first</param>
public sealed record BytePairVocabulary(
    IReadOnlyList<string> SpecialTokens,
    IReadOnlyList<string> Tokens,
    IReadOnlyList<(string Left, string Right)> Merges);
