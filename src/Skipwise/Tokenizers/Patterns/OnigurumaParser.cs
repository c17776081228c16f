using System.Globalization;
using System.Text;

namespace Skipwise.Tokenizers.Patterns;

/// <summary>
/// Translates a regular expression from the syntax of Oniguruma, which Hugging Face's tokenizers use, to .NET's. Character classes are
/// translated to explicit sets, so that the result does not depend on .NET's definitions of words, letters and case. Syntax without an
/// equivalent is an error that names it (<see cref="FormatException"/>), as is syntax that Oniguruma itself refuses.
/// </summary>
internal sealed class OnigurumaParser
{
    private const int DeepestNesting = 100, LongestPattern = 20_000, MostRepeats = 100_000; // the last is Oniguruma's
    private const int Nothing = -1;

    private readonly int[] _pattern;
    private readonly List<PatternPart> _parts = [];
    private int _at;
    private int _depth;
    private int _before = Nothing; // the previous literal (folded), if case is ignored
    private bool _ignoreCase;
    private bool _dotAll;
    private bool _extended;

    private OnigurumaParser(string pattern) => _pattern = [.. pattern.EnumerateRunes().Select(rune => rune.Value)];

    public static List<PatternPart> Parse(string pattern)
    {
        var parser = new OnigurumaParser(pattern);
        if (parser._pattern.Length > LongestPattern)
        {
            throw new FormatException($"it has {parser._pattern.Length} characters, more than {LongestPattern}");
        }
        parser.Alternatives();
        return parser._at == parser._pattern.Length ? parser._parts : throw new FormatException("a ) closes nothing");
    }

    private int Next => _at < _pattern.Length ? _pattern[_at] : Nothing;

    private void Alternatives()
    {
        Deeper();
        Sequence();
        while (Take('|'))
        {
            Add("|");
            Sequence();
        }
        _depth--;
    }

    private void Sequence()
    {
        _before = Nothing;
        for (SkipIgnored(); Next is not (Nothing or '|' or ')'); SkipIgnored())
        {
            int start = _parts.Count;
            if (Term())
            {
                Quantifiers(start);
            }
        }
    }

    /// <summary>Translates one term.</summary>
    /// <returns>whether it can be repeated</returns>
    private bool Term()
    {
        if (Interval() is not null)
        {
            throw new FormatException("a repetition repeats nothing");
        }
        int c = _pattern[_at++];
        switch (c)
        {
            case '*' or '+' or '?':
                throw new FormatException("a repetition repeats nothing");
            case '(':
                return Group();
            case '[':
                Add(new OnigurumaBrackets(_pattern, _at, _ignoreCase).Read(out _at));
                return true;
            case '.':
                Add(_dotAll ? CodePoints.All : CodePoints.Create('\n').Complement());
                return true;
            case '^':
                return Place(@"(?:\A|(?<=\n)(?!\z))");
            case '$':
                return Place(@"(?=\n|\z)");
            case '\\':
                return Escape();
            default:
                Letter(c);
                return true;
        }
    }

    private bool Escape()
    {
        switch (Next)
        {
            case 'A': _at++; return Place(@"\A");
            case 'z': _at++; return Place(@"\z");
            case 'Z': _at++; return Place(@"(?=\n?\z)");
            case 'b': _at++; return WordBorder(")(?!", ")(?=");
            case 'B': _at++; return WordBorder(")(?=", ")(?!");
            case 'O': _at++; Add(CodePoints.All); return true;
            case 'N': _at++; Add(CodePoints.Create('\n').Complement()); return true;
            case 'R':
                _at++;
                Add(@"(?>\r\n|[\n-\r\u0085\u2028\u2029])");
                return true;
            case 'K' or 'G' or 'X' or 'y' or 'Y' or 'k' or 'g' or (>= '1' and <= '9'):
                throw new FormatException($"Skipwise does not translate \\{(char)Next}");
        }
        var (letter, set) = OnigurumaEscape.Read(_pattern, ref _at, inBrackets: false);
        if (set is null)
        {
            Letter(letter);
        }
        else
        {
            Add(set);
        }
        return true;
    }

    /// <summary>Translates a word boundary: what may follow a word character, and what may follow another character.</summary>
    private bool WordBorder(string afterWord, string afterOther)
    {
        Add("(?:(?<=");
        Add(UnicodeSets.WordsOutsideBrackets);
        Add(afterWord);
        Add(UnicodeSets.WordsOutsideBrackets);
        Add(")|(?<!");
        Add(UnicodeSets.WordsOutsideBrackets);
        Add(afterOther);
        Add(UnicodeSets.WordsOutsideBrackets);
        return Place("))");
    }

    /// <summary>Translates a group after its opening parenthesis.</summary>
    private bool Group()
    {
        var (ignoreCase, dotAll, extended) = (_ignoreCase, _dotAll, _extended);
        bool repeats = true;
        if (!Take('?'))
        {
            Add("(?:");
        }
        else if (Next is ':' or '>')
        {
            Add($"(?{(char)_pattern[_at++]}");
        }
        else if (Next is '=' or '!')
        {
            Add($"(?{(char)_pattern[_at++]}");
            repeats = false;
        }
        else if (Take('<') && Next is '=' or '!')
        {
            Add($"(?<{(char)_pattern[_at++]}");
            repeats = false;
        }
        else if (_pattern[_at - 1] == '<' || Take('\''))
        {
            int end = Array.IndexOf(_pattern, _pattern[_at - 1] == '<' ? '>' : '\'', _at);
            _at = end > _at ? end + 1 : throw new FormatException("a group's name does not end");
            Add("(?:");
        }
        else if (!Options())
        {
            // The options apply to the rest of the enclosing group, including its other alternatives.
            Add("(?:");
            Alternatives();
            Add(")");
            return false;
        }
        else
        {
            Add("(?:");
        }
        Alternatives();
        if (!Take(')'))
        {
            throw new FormatException("a group is not closed");
        }
        Add(")");
        (_ignoreCase, _dotAll, _extended) = (ignoreCase, dotAll, extended);
        return repeats;
    }

    /// <returns>whether they apply to a new group ("(?i:") and not to the rest of the enclosing one ("(?i)")</returns>
    private bool Options()
    {
        for (bool value = true; ; _at++)
        {
            switch (Next)
            {
                case 'i': _ignoreCase = value; break;
                case 'm': _dotAll = value; break;
                case 'x': _extended = value; break;
                case '-': value = false; break;
                case ':' or ')': return _pattern[_at++] == ':';
                default: throw new FormatException($"Skipwise does not translate (?{Shown(Next)}");
            }
        }
    }

    private void Quantifiers(int start)
    {
        SkipIgnored();
        for (bool first = true; ; first = false, _before = Nothing, SkipIgnored())
        {
            var interval = Interval();
            string text = interval?.Text ?? (Next is '*' or '+' or '?' ? ((char)Next).ToString() : "");
            if (text.Length == 0)
            {
                return;
            }
            _at = interval?.End ?? _at + 1;
            if (!first)
            {
                Wrap(start, "(?:"); // .NET does not support repeating a repetition
            }
            // {n}? and {n,m}+ are two repetitions in Oniguruma, one within the other.
            if (interval is not { IsFixed: true } && Take('?'))
            {
                Add(text + "?");
            }
            else if (interval is null && Take('+'))
            {
                Add(text);
                Wrap(start, "(?>");
            }
            else
            {
                Add(text);
            }
        }
    }

    /// <summary>Parses {n}, {n,}, {,m} or {n,m} at the current index. Anything else in braces is literal text.</summary>
    private (string Text, int End, bool IsFixed)? Interval()
    {
        if (Next != '{')
        {
            return null;
        }
        int at = _at + 1, low = Number(), high = low;
        bool comma = at < _pattern.Length && _pattern[at] == ',';
        if (comma)
        {
            at++;
            high = Number();
        }
        if (at >= _pattern.Length || _pattern[at] != '}' || (low < 0 && high < 0))
        {
            return null;
        }
        if (Math.Max(low, high) > MostRepeats || (high >= 0 && high < low))
        {
            throw new FormatException($"Skipwise does not translate a repetition of {low} to {high} times");
        }
        string text = comma ? $"{{{Math.Max(low, 0)},{(high < 0 ? "" : high.ToString(CultureInfo.InvariantCulture))}}}" : $"{{{low}}}";
        return (text, at + 1, !comma);

        int Number()
        {
            int value = -1;
            for (; at < _pattern.Length && _pattern[at] is >= '0' and <= '9'; at++)
            {
                value = Math.Min((Math.Max(value, 0) * 10) + _pattern[at] - '0', MostRepeats + 1);
            }
            return value;
        }
    }

    /// <summary>Skips comments, and white space if option x is on.</summary>
    private void SkipIgnored()
    {
        for (; ; )
        {
            if (_extended && Next is ' ' or (>= '\t' and <= '\r'))
            {
                _at++;
            }
            else if (_extended && Next == '#')
            {
                int end = Array.IndexOf(_pattern, '\n', _at);
                _at = end < 0 ? _pattern.Length : end;
            }
            else if (_at + 2 < _pattern.Length && _pattern.AsSpan(_at, 3) is ['(', '?', '#'])
            {
                int end = Array.IndexOf(_pattern, ')', _at);
                _at = end < 0 ? throw new FormatException("a comment is not closed") : end + 1;
            }
            else
            {
                return;
            }
        }
    }

    private void Letter(int c)
    {
        int fold = _ignoreCase ? CaseFolding.Fold(c) : Nothing;
        if (_ignoreCase && (CaseFolding.Several.Contains(c) || (_before != Nothing && CaseFolding.MeetInOne(_before, fold))))
        {
            throw new FormatException(
                $"without case, \"{Shown(_before)}{Shown(c)}\" is also another number of letters, which Skipwise does not translate");
        }
        Add(_ignoreCase ? CaseFolding.Close(c) : CodePoints.Create(c));
        _before = fold;
    }

    private void Add(CodePoints set)
    {
        _parts.Add(new("", set));
        _before = Nothing;
    }

    private void Add(string text) => _parts.Add(new(text));

    private bool Place(string text)
    {
        Add(text);
        return false;
    }

    private void Wrap(int start, string opening)
    {
        _parts.Insert(start, new(opening));
        Add(")");
    }

    private bool Take(char c)
    {
        bool takes = Next == c;
        _at += takes ? 1 : 0;
        return takes;
    }

    private void Deeper()
    {
        if (++_depth > DeepestNesting)
        {
            throw new FormatException($"its groups are nested more than {DeepestNesting} deep");
        }
    }

    private static string Shown(int c) => c == Nothing ? "" : Rune.IsValid(c) ? new Rune(c).ToString() : $"U+{c:X4}";
}
