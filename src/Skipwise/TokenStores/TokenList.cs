namespace Skipwise.TokenStores;

/// <summary>Tokenized documents in memory.</summary>
public sealed class TokenList(IReadOnlyList<int[]> documents) : ITokenSource
{
    /// <inheritdoc/>
    public int Count => documents.Count;
    /// <inheritdoc/>
    public ReadOnlySpan<int> this[int document] => documents[document];
}
