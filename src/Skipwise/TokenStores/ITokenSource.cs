namespace Skipwise.TokenStores;

/// <summary>Tokenized documents without BOS: a token store on disk, or a list in memory.</summary>
public interface ITokenSource
{
    /// <summary>number of documents</summary>
    int Count { get; }

    /// <summary>The number of tokens of one document, without reading them if possible.</summary>
    int LengthOf(int document) => this[document].Length;

    /// <summary>The token ids of one document; valid until the source is closed.</summary>
    ReadOnlySpan<int> this[int document] { get; }
}
