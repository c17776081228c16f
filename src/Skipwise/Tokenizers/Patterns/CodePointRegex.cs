using System.Text;
using System.Text.RegularExpressions;
using Skipwise.Storage;
using static System.FormattableString;

namespace Skipwise.Tokenizers.Patterns;

/// <summary>A regular expression of a tokenizer: in Oniguruma's syntax, over code points, with a timeout.</summary>
internal sealed class CodePointRegex
{
    /// <summary>The timeout of one match. Normal patterns need microseconds; patterns like (a|aa)+$ take exponential time.</summary>
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(5);

    private readonly Regex _regex;
    private readonly StandIns _standIns;
    private readonly Func<string, SkipwiseException> _error;

    private CodePointRegex(List<PatternPart> parts, TimeSpan limit, Func<string, SkipwiseException> error)
    {
        _standIns = new StandIns([.. parts.Select(part => part.Set).OfType<CodePoints>().Distinct()]);
        _regex = new Regex(
            string.Concat(parts.Select(part => part.Set is null ? part.Text : _standIns.Write(part.Set))),
            RegexOptions.Compiled | RegexOptions.CultureInvariant,
            limit);
        _error = error;
    }

    /// <summary>Compiles a pattern of Skipwise's own source.</summary>
    public static CodePointRegex Compile(string pattern) => new(
        OnigurumaParser.Parse(pattern), Limit, complaint => new SkipwiseException($"the tokenizer's pattern {pattern} {complaint}"));

    /// <summary>Reads {"String": literal} or {"Regex": expression} of a tokenizer.json.</summary>
    /// <exception cref="SkipwiseException">an expression that is invalid, or cannot be translated</exception>
    public static CodePointRegex Read(LocatedJson place, TimeSpan? limit = null)
    {
        if (place.Find("String") is { } literal)
        {
            var letters = literal.Text.EnumerateRunes().Select(rune => new PatternPart("", CodePoints.Create(rune.Value)));
            return new([.. letters], limit ?? Limit, Error);
        }
        string expression = place.Get("Regex").Text;
        try
        {
            return new(OnigurumaParser.Parse(expression), limit ?? Limit, Error);
        }
        catch (Exception e) when (e is FormatException or ArgumentException)
        {
            throw place.Error($"is the regular expression {expression}, which Skipwise cannot read: {e.Message}");
        }

        SkipwiseException Error(string complaint) =>
            place.Error($"is the pattern {(place.Find("String") ?? place.Get("Regex")).Text}, which {complaint}");
    }

    /// <summary>The matches in order, with start and end in UTF-16 units. An empty match at the end of the previous match is
    /// skipped.</summary>
    /// <param name="text">valid Unicode</param>
    /// <exception cref="SkipwiseException">the timeout is exceeded</exception>
    public List<(int Start, int End)> Matches(ReadOnlySpan<char> text)
    {
        if (text.IndexOfAnyInRange('\uD800', '\uDFFF') < 0)
        {
            return MatchesOfUnits(text);
        }
        char[] shadow = new char[text.Length];
        int[] places = new int[text.Length + 1];
        int count = 0, place = 0;
        foreach (var rune in text.EnumerateRunes())
        {
            places[count] = place;
            shadow[count++] = rune.IsBmp ? (char)rune.Value : _standIns[rune];
            place += rune.Utf16SequenceLength;
        }
        places[count] = place;
        var matches = MatchesOfUnits(shadow.AsSpan(0, count));
        for (int i = 0; i < matches.Count; i++)
        {
            matches[i] = (places[matches[i].Start], places[matches[i].End]);
        }
        return matches;
    }

    /// <summary>Replaces every match.</summary>
    /// <exception cref="SkipwiseException">a match is empty, or the timeout is exceeded</exception>
    public string Replace(string text, string content)
    {
        var result = new StringBuilder(text.Length);
        int done = 0;
        foreach (var (start, end) in text.Length == 0 ? [] : Matches(text))
        {
            if (start == end)
            {
                throw _error(
                    "matches no letter at all at one place of a text; there is nothing to replace, and Hugging Face's library stops there");
            }
            result.Append(text, done, start - done).Append(content);
            done = end;
        }
        return result.Append(text, done, text.Length - done).ToString();
    }

    private List<(int Start, int End)> MatchesOfUnits(ReadOnlySpan<char> units)
    {
        var matches = new List<(int Start, int End)>();
        try
        {
            foreach (var match in _regex.EnumerateMatches(units))
            {
                if (match.Length > 0 || matches.Count == 0 || matches[^1].End != match.Index)
                {
                    matches.Add((match.Index, match.Index + match.Length));
                }
            }
        }
        catch (RegexMatchTimeoutException)
        {
            throw _error(
                Invariant($"found no match within {_regex.MatchTimeout.TotalSeconds} seconds at one place of a text; ") +
                "patterns that can match a text in many ways, such as (a|aa)+, take time without end. Use another tokenizer");
        }
        return matches;
    }
}
