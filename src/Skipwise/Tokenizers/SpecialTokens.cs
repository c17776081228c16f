namespace Skipwise.Tokenizers;

/// <summary>The special tokens with a role.</summary>
/// <param name="BosId">beginning of text</param>
/// <param name="EosId">end of text</param>
/// <param name="EndIds">every id that ends a text, <paramref name="EosId"/> among them</param>
/// <param name="AddsBos">whether the model expects BOS before a text</param>
/// <param name="PadId">padding</param>
/// <param name="UnknownId">stands for what the vocabulary lacks</param>
internal sealed record SpecialTokens(
    int? BosId, int? EosId, IReadOnlyList<int> EndIds, bool AddsBos, int? PadId = null, int? UnknownId = null);
