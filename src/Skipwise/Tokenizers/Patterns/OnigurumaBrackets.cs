namespace Skipwise.Tokenizers.Patterns;

/// <summary>Parses a character class [...]: literals, ranges, escapes, [:names:], nested classes, and intersections with
/// "&amp;&amp;".</summary>
internal sealed class OnigurumaBrackets(int[] pattern, int start, bool ignoreCase)
{
    private const int DeepestNesting = 100;
    private int _at = start;
    private int _depth;

    /// <summary>The kind of the previous item, which determines the meaning of "-".</summary>
    private enum Before { Nothing, Letter, Range, Set }

    /// <summary>Parses the class.</summary>
    /// <param name="end">the index after the closing bracket</param>
    /// <exception cref="FormatException">syntax that Oniguruma or Skipwise does not support</exception>
    public CodePoints Read(out int end)
    {
        bool negated = Take("^");
        var set = Content();
        end = _at;
        if (ignoreCase)
        {
            if (!negated && !set.Intersect(CaseFolding.Several).IsEmpty)
            {
                throw new FormatException(
                    "without case, some letter in brackets is also several letters (as ß is ss), which Skipwise does not translate");
            }
            set = CaseFolding.Close(set);
        }
        return negated ? set.Complement() : set;
    }

    private CodePoints Content()
    {
        if (++_depth > DeepestNesting)
        {
            throw new FormatException($"its brackets are nested more than {DeepestNesting} deep");
        }
        CodePoints set = CodePoints.None, all = CodePoints.All;
        var before = Before.Nothing;
        int letter = 0;
        for (int first = _at; ;)
        {
            if (_at == pattern.Length)
            {
                throw new FormatException("a [ is not closed");
            }
            if (_at > first && Take("]"))
            {
                _depth--;
                return all.Intersect(set);
            }
            if (Take("&&"))
            {
                (all, set, before) = (all.Intersect(set), CodePoints.None, Before.Nothing);
            }
            else if (pattern[_at] == '-' && before == Before.Letter && !Ends(_at + 1))
            {
                _at++;
                var (last, other) = Member();
                set = other is null && last >= letter
                    ? set.Union(CodePoints.Range(letter, last))
                    : throw new FormatException("a range in brackets does not end with a later letter");
                before = Before.Range;
            }
            else if (pattern[_at] == '-' && before == Before.Set && !Ends(_at + 1))
            {
                throw new FormatException("a range in brackets begins with a set; write \\- for the letter");
            }
            else
            {
                (letter, var other) = Member();
                set = set.Union(other ?? CodePoints.Create(letter));
                before = other is null ? Before.Letter : Before.Set;
            }
        }
    }

    private (int Letter, CodePoints? Set) Member()
    {
        int c = pattern[_at++];
        if (c == '\\')
        {
            return OnigurumaEscape.Read(pattern, ref _at, inBrackets: true);
        }
        if (c != '[')
        {
            return (c, null);
        }
        if (Posix() is { } named)
        {
            return (0, named);
        }
        bool negated = Take("^");
        var set = Content();
        return (0, negated ? set.Complement() : set);
    }

    /// <summary>Parses [:name:] or [:^name:] after its opening bracket; null if it is an ordinary nested class.</summary>
    private CodePoints? Posix()
    {
        int end = _at + 1;
        while (end < pattern.Length && pattern[end] is '^' or (>= 'a' and <= 'z'))
        {
            end++;
        }
        if (_at == pattern.Length || pattern[_at] != ':' || end + 1 >= pattern.Length || pattern[end] != ':' || pattern[end + 1] != ']')
        {
            return null;
        }
        string name = string.Concat(pattern[(_at + 1)..end].Select(c => (char)c));
        _at = end + 2;
        var set = UnicodeSets.Posix(name.TrimStart('^')) ?? throw new FormatException($"there is no [:{name}:]");
        return name.StartsWith('^') ? set.Complement() : set;
    }

    private bool Ends(int at) => pattern.AsSpan(at) is [] or [']', ..] or ['&', '&', ..];

    private bool Take(string text)
    {
        bool takes = _at + text.Length <= pattern.Length && pattern.AsSpan(_at, text.Length).SequenceEqual([.. text.Select(c => (int)c)]);
        _at += takes ? text.Length : 0;
        return takes;
    }
}
