using System.Globalization;
using System.Text;

namespace Skipwise.Tokenizers.Patterns;

/// <summary>Parses an escape after a backslash, in brackets and outside: a code point or a set.</summary>
internal static class OnigurumaEscape
{
    /// <summary>Parses one escape.</summary>
    /// <param name="at">the index after the backslash; on return, after the escape</param>
    /// <exception cref="FormatException">an escape that Oniguruma or Skipwise does not support</exception>
    public static (int Letter, CodePoints? Set) Read(int[] pattern, ref int at, bool inBrackets)
    {
        if (at == pattern.Length)
        {
            throw new FormatException("it ends with a \\");
        }
        int c = pattern[at++];
        switch (c)
        {
            case 't': return ('\t', null);
            case 'n': return ('\n', null);
            case 'v': return ('\v', null);
            case 'f': return ('\f', null);
            case 'r': return ('\r', null);
            case 'a': return ('\a', null);
            case 'e': return (0x1B, null);
            case 'b' when inBrackets: return ('\b', null);
            case 'd': return (0, UnicodeSets.Digits);
            case 'D': return (0, UnicodeSets.Digits.Complement());
            case 's': return (0, UnicodeSets.Spaces);
            case 'S': return (0, UnicodeSets.Spaces.Complement());
            case 'h': return (0, UnicodeSets.HexDigits);
            case 'H': return (0, UnicodeSets.HexDigits.Complement());
            case 'w': return (0, inBrackets ? UnicodeSets.Words : UnicodeSets.WordsOutsideBrackets);
            case 'W': return (0, (inBrackets ? UnicodeSets.Words : UnicodeSets.WordsOutsideBrackets).Complement());
            case 'p' or 'P' when at < pattern.Length && pattern[at] == '{':
                return (0, Property(pattern, ref at, negated: c == 'P', inBrackets));
            case 'x' when at < pattern.Length && pattern[at] == '{':
                return (Braced(pattern, ref at), null);
            case 'x':
                int value = Hexadecimal(pattern, ref at, 1, 2);
                return value < 0x80
                    ? (value, null)
                    : throw new FormatException($"\\x{value:X2} is a byte of UTF-8; \\x{{{value:X}}} is the character");
            case 'u':
                return (Valid(Hexadecimal(pattern, ref at, 4, 4)), null);
            case 'c' or 'C' or 'M' or 'o' or (>= '0' and <= '9'):
                throw new FormatException($"Skipwise does not translate \\{(char)c}");
            default:
                return (c, null); // any other character represents itself
        }
    }

    private static CodePoints Property(int[] pattern, ref int at, bool negated, bool inBrackets)
    {
        int end = Array.IndexOf(pattern, '}', at);
        string name = end < 0 ? throw new FormatException("\\p{ is not closed") : Text(pattern[(at + 1)..end]);
        at = end + 1;
        negated ^= name.StartsWith('^');
        string bare = name.TrimStart('^');
        var set = UnicodeSets.Property(bare) ?? throw new FormatException($"Skipwise does not know the property \\p{{{bare}}}");
        set = !inBrackets && set == UnicodeSets.Words ? UnicodeSets.WordsOutsideBrackets : set;
        return negated ? set.Complement() : set;
    }

    private static int Braced(int[] pattern, ref int at)
    {
        at++;
        int value = Hexadecimal(pattern, ref at, 1, 8);
        return at < pattern.Length && pattern[at++] == '}'
            ? Valid(value)
            : throw new FormatException("\\x{ is not one hexadecimal number in braces");
    }

    private static int Hexadecimal(int[] pattern, ref int at, int least, int most)
    {
        int start = at;
        while (at < pattern.Length && at - start < most && pattern[at] < 0x80 && char.IsAsciiHexDigit((char)pattern[at]))
        {
            at++;
        }
        string digits = Text(pattern[start..at]);
        return at - start >= least && int.TryParse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out int value)
            ? value
            : throw new FormatException($"a \\{Text(pattern[(start - 1)..at])} is not followed by a hexadecimal number");
    }

    private static int Valid(int codePoint) =>
        Rune.IsValid(codePoint) ? codePoint : throw new FormatException($"{codePoint:X} is no character of Unicode");

    private static string Text(int[] codePoints) => string.Concat(codePoints.Select(c => new Rune(c).ToString()));
}
