namespace Skipwise.Tokenizers;

/// <summary>The tokens at the ends of a text.</summary>
/// <param name="BosId">beginning of text</param>
/// <param name="EosId">end of text</param>
/// <param name="EndIds">every id that ends a text, <paramref name="EosId"/> among them</param>
/// <param name="AddsBos">whether this model family puts BOS before a text</param>
internal sealed record SpecialTokens(int? BosId, int? EosId, IReadOnlyList<int> EndIds, bool AddsBos);
