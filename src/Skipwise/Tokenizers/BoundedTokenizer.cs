namespace Skipwise.Tokenizers;

/// <summary>
/// The tokenizer of a model whose embedding has fewer rows than the tokenizer has ids, for example because a padding token was added
/// later. Text with an id beyond the embedding is refused.
/// </summary>
internal sealed class BoundedTokenizer : ITokenizer
{
    internal const string Remedy = "Leave that token out of the text, or resize the model's embedding to the tokenizer's vocabulary.";

    private BoundedTokenizer(ITokenizer unbounded, int rows) => (Unbounded, Rows) = (unbounded, rows);

    /// <summary>Bounds a tokenizer. Returns the tokenizer itself if the model has a row for each of its ids.</summary>
    /// <param name="rows">of the model's embedding</param>
    /// <exception cref="SkipwiseException">BOS, with which every text begins, has no row</exception>
    public static ITokenizer Create(ITokenizer tokenizer, int rows)
    {
        if (tokenizer is { AddsBos: true, BosId: { } bos } && bos >= rows)
        {
            throw new SkipwiseException(
                $"The tokenizer puts BOS (id {bos}) before every text, but the model's vocabulary has {rows} ids: " +
                "tokenizer and model do not belong together.");
        }
        return tokenizer.VocabularySize <= rows ? tokenizer : new BoundedTokenizer(tokenizer, rows);
    }

    /// <summary>The tokenizer without the bound.</summary>
    internal ITokenizer Unbounded { get; }

    /// <summary>rows of the model's embedding: valid ids are below</summary>
    public int Rows { get; }

    /// <inheritdoc/>
    public int VocabularySize => Unbounded.VocabularySize;
    /// <inheritdoc/>
    public int? BosId => Unbounded.BosId;
    /// <inheritdoc/>
    public int? EosId => Unbounded.EosId;
    /// <inheritdoc/>
    public IReadOnlyList<int> EndIds => Unbounded.EndIds;
    /// <inheritdoc/>
    public bool AddsBos => Unbounded.AddsBos;

    /// <inheritdoc/>
    /// <exception cref="SkipwiseException">the text contains a token that the model does not have</exception>
    public int[] Encode(string text)
    {
        int[] ids = Unbounded.Encode(text);
        int at = ids.AsSpan().IndexOfAnyExceptInRange(0, Rows - 1);
        return at < 0
            ? ids
            : throw new SkipwiseException(
                $"Token {at} of a text that begins with '{text[..Math.Min(text.Length, 40)].ReplaceLineEndings(" ")}' has id {ids[at]}, " +
                $"but the model's vocabulary has {Rows} ids (its tokenizer has {VocabularySize}). {Remedy}");
    }

    /// <inheritdoc/>
    public string Decode(ReadOnlySpan<int> ids) => Unbounded.Decode(ids);

    /// <inheritdoc/>
    public TokenizerModel? ToModel() => Unbounded.ToModel();
}
