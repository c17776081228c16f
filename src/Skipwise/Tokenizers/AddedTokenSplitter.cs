using System.Buffers;
using System.Text;
using System.Text.RegularExpressions;
using Skipwise.Tokenizers.Patterns;

namespace Skipwise.Tokenizers;

/// <summary>Splits a text at its added tokens: the leftmost match first, the longest of those that start there.</summary>
internal sealed class AddedTokenSplitter
{
    private readonly Dictionary<string, AddedToken> _tokens = new(StringComparer.Ordinal);
    private readonly Regex? _any;

    /// <summary>Prepares the search.</summary>
    /// <param name="tokens">the tokens, each with its text</param>
    public AddedTokenSplitter(IEnumerable<(string Text, AddedToken Token)> tokens)
    {
        foreach (var (text, token) in tokens.Where(t => t.Text.Length > 0))
        {
            if (!_tokens.TryAdd(text, token))
            {
                throw new SkipwiseException(
                    $"the added tokens {_tokens[text].Id} (\"{_tokens[text].Content}\") and {token.Id} (\"{token.Content}\") " +
                    $"are both written \"{text}\"; a tokenizer can find one of them only");
            }
        }
        if (_tokens.Count > 0)
        {
            _any = new Regex(string.Join('|', _tokens.Keys.OrderByDescending(t => t.Length).Select(Regex.Escape)),
                RegexOptions.CultureInvariant);
        }
    }

    /// <summary>The parts of the text in order: an added token, or the text between two of them.</summary>
    public IEnumerable<(AddedToken? Token, int Start, int End)> Split(string text)
    {
        int done = 0;
        for (var match = _any?.Match(text); match is { Success: true }; match = match.NextMatch())
        {
            var token = _tokens[match.Value];
            int start = match.Index, end = start + match.Length;
            if (token.SingleWord && (IsWord(Rune.DecodeLastFromUtf16(text.AsSpan(0, start), out var before, out _), before)
                || IsWord(Rune.DecodeFromUtf16(text.AsSpan(end), out var after, out _), after)))
            {
                continue;
            }
            while (token.LeftStrip && start > done && char.IsWhiteSpace(text[start - 1]))
            {
                start--;
            }
            start = token.LeftStrip ? Math.Max(start, done) : start;
            while (token.RightStrip && end < text.Length && char.IsWhiteSpace(text[end]))
            {
                end++;
            }
            if (start >= end)
            {
                continue; // its white space belongs to the token before
            }
            if (start > done)
            {
                yield return (null, done, start);
            }
            yield return (token, start, end);
            done = end;
        }
        if (done < text.Length)
        {
            yield return (null, done, text.Length);
        }
    }

    /// <summary>Whether a rune belongs to a word; as in Rust's regular expressions, the joiners do.</summary>
    private static bool IsWord(OperationStatus found, Rune rune) =>
        found == OperationStatus.Done && (UnicodeSets.Words.Contains(rune.Value) || rune.Value is 0x200C or 0x200D);
}
