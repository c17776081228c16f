using Skipwise.Tokenizers;

namespace Skipwise.Synthetic;

/// <summary>The length of a text with its unit.</summary>
/// <param name="Count">the length in units</param>
/// <param name="Measure">
/// counts the units of a sentence, its leading space included. Sums over sentences are exact for characters, and for tokenizers that split
/// the text at the end of a sentence before merging (byte-level BPE does)
/// </param>
internal sealed record TextLength(int Count, Func<string, int> Measure)
{
    /// <summary>A length in characters.</summary>
    public static TextLength Characters(int count) => new(count, static text => text.Length);

    /// <summary>A length in tokens.</summary>
    public static TextLength Tokens(int count, ITokenizer tokenizer) => new(count, text => tokenizer.Encode(text).Length);
}
