using Skipwise.Synthetic;
using Skipwise.Tokenizers;

namespace Skipwise.Evaluation.Needles;

/// <summary>The tokens that needles are hidden in: concatenated texts, repeated if they are too short.</summary>
public sealed class Haystack
{
    private readonly ITokenizer _tokenizer;
    private readonly int[] _tokens;
    private readonly Dictionary<int, bool> _endsSentence = [];

    /// <summary>The default haystack text: a generated chronicle in simple English, the same in every call.</summary>
    public static string OwnProse(int characters) =>
        SyntheticCorpus.Document(SyntheticKind.Chronicle, SyntheticPart.HeldOut, seed: 0, index: 0, TextLength.Characters(characters));

    /// <summary>Encodes the texts, up to the tokens that the longest prompt needs.</summary>
    /// <param name="tokenizer">of the model</param>
    /// <param name="texts">documents; no more are read than are needed</param>
    /// <param name="length">tokens of the longest prompt</param>
    /// <exception cref="SkipwiseException">the texts hold no token</exception>
    public Haystack(ITokenizer tokenizer, IEnumerable<string> texts, int length)
    {
        _tokenizer = tokenizer;
        var tokens = new List<int>();
        foreach (string text in texts)
        {
            tokens.AddRange(tokenizer.Encode(text));
            if (tokens.Count >= length)
            {
                break;
            }
        }
        _tokens = tokens.Count > 0 ? [.. tokens] : throw new SkipwiseException("The haystack is empty: give files with text.");
    }

    /// <summary>The first <paramref name="count"/> tokens; the haystack is repeated if it has fewer.</summary>
    public int[] Take(int count) => [.. Enumerable.Range(0, count).Select(i => _tokens[i % _tokens.Length])];

    /// <summary>
    /// The index at which a needle is inserted: int(depth * length), moved back to just after the previous token that ends a sentence;
    /// depth 1 is the end (Kamradt's rule).
    /// </summary>
    /// <param name="tokens">the haystack</param>
    /// <param name="depth">0..1</param>
    public int Place(ReadOnlySpan<int> tokens, double depth)
    {
        int place = (int)(tokens.Length * depth);
        while (depth < 1 && place > 0 && !EndsSentence(tokens[place - 1]))
        {
            place--;
        }
        return place;
    }

    /// <summary>Whether a token's text ends with a full stop.</summary>
    private bool EndsSentence(int id)
    {
        if (!_endsSentence.TryGetValue(id, out bool ends))
        {
            _endsSentence[id] = ends = _tokenizer.Decode([id]).TrimEnd().EndsWith('.');
        }
        return ends;
    }
}
