namespace Skipwise.TokenStores;

/// <summary>Tokenised documents, without BOS: the token store on disk, or a list in memory.</summary>
public interface ITokenSource
{
    int Count { get; }

    /// <summary>The tokens of one document, counted without reading them where that can be.</summary>
    int LengthOf(int document) => this[document].Length;

    /// <summary>The token ids of one document; valid until the source is closed.</summary>
    ReadOnlySpan<int> this[int document] { get; }
}
