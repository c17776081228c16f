using System.Globalization;
using System.Text;

namespace Skipwise.Chat.Jinja;

/// <summary>Strings as Python sees them: a sequence of code points.</summary>
internal static class Characters
{
    /// <summary>Whether Python's str.isspace says so; .NET does not count the four separators from U+001C on.</summary>
    public static bool IsSpace(char c) => char.IsWhiteSpace(c) || c is >= '\x1c' and <= '\x1f';

    /// <summary>Whether UTF-16 units and code points are the same.</summary>
    public static bool IsFlat(string text) => text.AsSpan().IndexOfAnyInRange('\ud800', '\udfff') < 0;

    /// <summary>Number of code points.</summary>
    public static int Count(string text) => FromUnit(text, text.Length);

    /// <summary>The code points as strings.</summary>
    public static IEnumerable<string> Of(string text)
    {
        foreach (Rune rune in text.EnumerateRunes())
        {
            yield return rune.ToString();
        }
    }

    /// <summary>Index of a code point as an index of its UTF-16 unit.</summary>
    public static int ToUnit(string text, int index)
    {
        if (IsFlat(text))
        {
            return index;
        }
        int unit = 0;
        for (; index > 0; index--)
        {
            unit += char.IsHighSurrogate(text[unit]) ? 2 : 1;
        }
        return unit;
    }

    /// <summary>Index of a UTF-16 unit as the index of its code point.</summary>
    public static int FromUnit(string text, int unit)
    {
        int index = unit;
        for (int i = 0; i < unit; i++)
        {
            index -= char.IsLowSurrogate(text[i]) ? 1 : 0;
        }
        return index;
    }

    /// <summary>The text from one code point to another.</summary>
    public static string Slice(string text, int start, int end) =>
        start >= end ? "" : text[ToUnit(text, start)..ToUnit(text, end)];

    /// <summary>Compares by code points, where UTF-16 has another order.</summary>
    public static int Compare(string left, string right)
    {
        int same = left.AsSpan().CommonPrefixLength(right);
        return same == left.Length || same == right.Length ? left.Length.CompareTo(right.Length)
            : Rank(left[same]).CompareTo(Rank(right[same]));

        static int Rank(char c) => char.IsSurrogate(c) ? c + 0x10000 : c; // above all others
    }

    /// <summary>Whether Python prints it as it is in a representation.</summary>
    public static bool IsPrintable(Rune rune) => rune.Value == ' ' || Rune.GetUnicodeCategory(rune) is not (
        UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.Surrogate or UnicodeCategory.PrivateUse
        or UnicodeCategory.OtherNotAssigned or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator
        or UnicodeCategory.SpaceSeparator);
}
