namespace Skipwise.Tokenizers;

/// <summary>
/// The tokenizer of a model whose embedding has fewer rows than the tokenizer has ids, as with a padding token that was added later. Text
/// without those tokens is as good as any; text that holds one is refused here, before a model reads beyond its weights.
/// </summary>
public sealed class BoundedTokenizer : ITokenizer
{
    internal const string Remedy = "Leave that token out of the text, or resize the model's embedding to the tokenizer's vocabulary.";

    private BoundedTokenizer(ITokenizer unbounded, int rows) => (Unbounded, Rows) = (unbounded, rows);

    /// <summary>The tokenizer itself where the model has a row for each of its ids.</summary>
    /// <param name="rows">of the model's embedding</param>
    /// <exception cref="SkipwiseException">every text would begin with a BOS that has none</exception>
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

    /// <summary>The same without the bound.</summary>
    internal ITokenizer Unbounded { get; }

    /// <summary>ids that the model knows: those below</summary>
    public int Rows { get; }

    public int VocabularySize => Unbounded.VocabularySize;
    public int? BosId => Unbounded.BosId;
    public int? EosId => Unbounded.EosId;
    public IReadOnlyList<int> EndIds => Unbounded.EndIds;
    public bool AddsBos => Unbounded.AddsBos;

    /// <exception cref="SkipwiseException">the text holds a token that the model does not know</exception>
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

    public string Decode(ReadOnlySpan<int> ids) => Unbounded.Decode(ids);
}
