namespace Skipwise.Tokenizers.Training;

/// <summary>A byte-level BPE vocabulary, the result of <see cref="BytePairTrainer"/>.</summary>
/// <param name="SpecialTokens">they have the first ids and are never merged</param>
/// <param name="Tokens">every token by id: the special ones, the 256 bytes, the merged ones, in GPT-2's printable alphabet</param>
/// <param name="Merges">pairs of tokens to merge, in order of rank</param>
internal sealed record BytePairVocabulary(
    IReadOnlyList<string> SpecialTokens,
    IReadOnlyList<string> Tokens,
    IReadOnlyList<(string Left, string Right)> Merges);
