using System.Text.RegularExpressions;

namespace Skipwise.Evaluation.Ruler;

/// <summary>Prose as a sequence of words, repeated as often as needed.</summary>
public sealed partial class Essays
{
    private static readonly HashSet<string> s_abbreviations =
        ["Mr.", "Mrs.", "Ms.", "Dr.", "St.", "Prof.", "No.", "vs.", "etc.", "e.g.", "i.e.", "cf.", "Inc.", "Co.", "Jr.", "Sr."];
    private readonly string[] _words;
    private readonly bool[] _endsSentence;

    /// <summary>Splits a text into words.</summary>
    /// <exception cref="SkipwiseException">the text holds no word</exception>
    public Essays(string text)
    {
        _words = text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        if (_words.Length == 0)
        {
            throw new SkipwiseException("The haystack is empty: give files with text.");
        }
        _endsSentence = [.. _words.Select((word, i) => i + 1 == _words.Length || EndsSentence(word, _words[i + 1]))];
    }

    /// <summary>The first words as sentences; the last one may be cut.</summary>
    public List<string> Sentences(int words)
    {
        var sentences = new List<string>();
        int start = 0;
        for (int i = 0; i < words; i++)
        {
            int place = i % _words.Length;
            if (_endsSentence[place] || i + 1 == words)
            {
                sentences.Add(string.Join(' ', Enumerable.Range(start, i + 1 - start).Select(word => _words[word % _words.Length])));
                start = i + 1;
            }
        }
        return sentences;
    }

    /// <summary>Whether a word ends a sentence: a full stop, question or exclamation mark, perhaps in quotes or brackets, before a word
    /// that begins like a sentence.</summary>
    private static bool EndsSentence(string word, string next) =>
        End().IsMatch(word) && !s_abbreviations.Contains(word) && !Initial().IsMatch(word) && Begin().IsMatch(next);

    [GeneratedRegex("""[.!?]["')\]”’]*$""")]
    private static partial Regex End();

    [GeneratedRegex("""^["'(\[“‘]*[\p{Lu}\p{Lt}\p{Lo}0-9]""")]
    private static partial Regex Begin();

    [GeneratedRegex("""^\p{Lu}\.$""")]
    private static partial Regex Initial();
}
