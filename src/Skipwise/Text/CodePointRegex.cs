using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Skipwise.Text;

/// <summary>
/// A regular expression over code points. .NET matches UTF-16 units: it takes a letter above U+FFFF for two symbols, which no
/// tokenizer does. Such a text is matched through a shadow in which one unit of the same Unicode category stands for each pair.
/// </summary>
internal sealed class CodePointRegex(Regex regex)
{
    // Chosen outside Latin, so that no literal of a pattern can meet a stand-in.
    private static readonly Dictionary<UnicodeCategory, char> s_standIns = Enumerable.Range(0x0370, 0xD800 - 0x0370)
        .Select(c => (char)c).GroupBy(char.GetUnicodeCategory).ToDictionary(g => g.Key, g => g.First());

    /// <summary>Matches in order: start and end in UTF-16 units.</summary>
    public List<(int Start, int End)> Matches(ReadOnlySpan<char> text)
    {
        var matches = new List<(int, int)>();
        if (text.IndexOfAnyInRange('\uD800', '\uDFFF') < 0)
        {
            foreach (var match in regex.EnumerateMatches(text))
            {
                matches.Add((match.Index, match.Index + match.Length));
            }
            return matches;
        }
        char[] shadow = new char[text.Length];
        int[] places = new int[text.Length + 1];
        int count = 0, place = 0;
        foreach (var rune in text.EnumerateRunes())
        {
            places[count] = place;
            shadow[count++] = rune.IsBmp ? (char)rune.Value : s_standIns.GetValueOrDefault(Rune.GetUnicodeCategory(rune), '\uD800');
            place += rune.Utf16SequenceLength;
        }
        places[count] = place;
        foreach (var match in regex.EnumerateMatches(shadow.AsSpan(0, count)))
        {
            matches.Add((places[match.Index], places[match.Index + match.Length]));
        }
        return matches;
    }
}
