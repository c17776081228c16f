using Skipwise.Tokenizers;

namespace Skipwise.Synthetic;

/// <summary>How long a text shall be, and in which unit.</summary>
/// <param name="Count">the wanted length, in units</param>
/// <param name="Measure">
/// the units of a sentence, its leading space included. Lengths of sentences are added up: exact for characters, and for
/// every tokenizer that cuts the text at the end of a sentence before it merges (byte-level BPE does)
/// </param>
public sealed record TextLength(int Count, Func<string, int> Measure)
{
    public static TextLength Characters(int count) => new(count, static text => text.Length);

    public static TextLength Tokens(int count, ITokenizer tokenizer) => new(count, text => tokenizer.Encode(text).Length);
}
