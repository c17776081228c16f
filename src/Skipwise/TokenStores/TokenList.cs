namespace Skipwise.TokenStores;

/// <summary>Tokenised documents held in memory.</summary>
public sealed class TokenList(IReadOnlyList<int[]> documents) : ITokenSource
{
    public int Count => documents.Count;
    public ReadOnlySpan<int> this[int document] => documents[document];
}
