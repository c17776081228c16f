using System.Runtime.InteropServices;

namespace Skipwise.Tokenizers;

/// <summary>
/// Decodes a growing token sequence. A single token has no text of its own: a character may span several tokens, and a space may depend on
/// the previous token. So the new text is the difference of two decodings that begin at the same, earlier token.
/// </summary>
public sealed class IncrementalDecoder
{
    private const char Incomplete = '\uFFFD'; // the decoding of an incomplete character
    private const int Context = 4;
    private readonly ITokenizer _tokenizer;
    private readonly List<int> _ids;
    private int _from;  // first token of both decodings
    private int _shown; // tokens whose text was returned

    /// <summary>Starts after the given ids.</summary>
    /// <param name="tokenizer">of the ids</param>
    /// <param name="before">ids that the sequence continues; their text is not returned</param>
    public IncrementalDecoder(ITokenizer tokenizer, IEnumerable<int> before)
    {
        _tokenizer = tokenizer;
        _ids = [.. before.TakeLast(Context)];
        _shown = _ids.Count;
    }

    /// <summary>The text that this token completes; empty while a character is incomplete.</summary>
    public string Append(int id)
    {
        _ids.Add(id);
        string fresh = Fresh();
        if (fresh.Length == 0 || fresh.EndsWith(Incomplete))
        {
            return "";
        }
        (_from, _shown) = (_shown, _ids.Count);
        return fresh;
    }

    /// <summary>The rest at the end: a character that was never completed.</summary>
    public string Rest()
    {
        string fresh = Fresh();
        (_from, _shown) = (_shown, _ids.Count);
        return fresh;
    }

    private string Fresh()
    {
        Span<int> ids = CollectionsMarshal.AsSpan(_ids);
        string before = _tokenizer.Decode(ids[_from.._shown]), whole = _tokenizer.Decode(ids[_from..]);
        return whole.Length > before.Length ? whole[before.Length..] : "";
    }
}
