using System.Globalization;
using System.Text;

namespace Skipwise.Evaluation.Tasks;

/// <summary>String operations with exactly the semantics of Python's str, which produced the published prompts.</summary>
internal static class PythonText
{
    // Title case that is not the one upper-case letter: of the letter pairs, of Georgian, whose title case is itself, and of
    // letters that become several (Unicode's SpecialCasing).
    private static readonly Dictionary<int, string> s_title = TitleCases();

    /// <summary>str.isspace() of one character: Unicode's blanks and the four separators of ASCII.</summary>
    public static bool IsSpace(char c) => char.IsWhiteSpace(c) || c is >= '\x1c' and <= '\x1f';

    /// <summary>len(text): code points, neither UTF-16 units nor bytes.</summary>
    public static int Length(string text) => text.EnumerateRunes().Count();

    /// <summary>text.rstrip()</summary>
    public static string TrimEnd(string text)
    {
        int end = text.Length;
        while (end > 0 && IsSpace(text[end - 1]))
        {
            end--;
        }
        return text[..end];
    }

    /// <summary>text.strip()</summary>
    public static string Trim(string text)
    {
        text = TrimEnd(text);
        int start = 0;
        while (start < text.Length && IsSpace(text[start]))
        {
            start++;
        }
        return text[start..];
    }

    /// <summary>text.capitalize(): the first character in title case, all others in lower case.</summary>
    public static string Capitalize(string text)
    {
        Rune[] runes = [.. text.EnumerateRunes()];
        var result = new StringBuilder(text.Length);
        for (int i = 0; i < runes.Length; i++)
        {
            result.Append(i == 0 ? Title(runes[0]) : Lower(runes, i));
        }
        return result.ToString();
    }

    private static string Title(Rune rune) =>
        s_title.TryGetValue(rune.Value, out string? title) ? title : Rune.ToUpperInvariant(rune).ToString();

    private static string Lower(Rune[] runes, int i) => runes[i].Value switch
    {
        'İ' => "i\u0307",
        'Σ' => Ends(runes, i) ? "ς" : "σ",
        _ => Rune.ToLowerInvariant(runes[i]).ToString(),
    };

    /// <summary>Whether a sigma ends a word: a cased letter before it and none after it, ignoring case-ignorable characters between
    /// them.</summary>
    private static bool Ends(Rune[] runes, int i) =>
        HasCase(runes.Take(i).Reverse()) && !HasCase(runes.Skip(i + 1));

    private static bool HasCase(IEnumerable<Rune> runes) => runes.SkipWhile(PassesOver).Take(1)
        .Any(rune => Rune.GetUnicodeCategory(rune) is UnicodeCategory.UppercaseLetter or UnicodeCategory.LowercaseLetter
            or UnicodeCategory.TitlecaseLetter);

    private static bool PassesOver(Rune rune) => rune.Value is '\'' or '.' or ':' or '·' or '’' || Rune.GetUnicodeCategory(rune)
        is UnicodeCategory.NonSpacingMark or UnicodeCategory.EnclosingMark or UnicodeCategory.Format or UnicodeCategory.ModifierLetter
            or UnicodeCategory.ModifierSymbol;

    private static Dictionary<int, string> TitleCases()
    {
        var title = new Dictionary<int, string>();
        foreach (int pair in (int[])[0x1C4, 0x1C7, 0x1CA, 0x1F1]) // upper, title and lower form are adjacent code points
        {
            title[pair] = title[pair + 1] = title[pair + 2] = ((char)(pair + 1)).ToString();
        }
        foreach (int georgian in Enumerable.Range(0x10D0, 43).Concat([0x10FD, 0x10FE, 0x10FF]))
        {
            title[georgian] = ((char)georgian).ToString();
        }
        const string several =
            "ß Ss|ŉ ʼN|ǰ J\u030C|ΐ Ι\u0308\u0301|ΰ Υ\u0308\u0301|և Եւ|ẖ H\u0331|ẗ T\u0308|ẘ W\u030A|ẙ Y\u030A|ẚ Aʾ|" +
            "ὐ Υ\u0313|ὒ Υ\u0313\u0300|ὔ Υ\u0313\u0301|ὖ Υ\u0313\u0342|ᾲ Ὰ\u0345|ᾴ Ά\u0345|ᾶ Α\u0342|ᾷ Α\u0342\u0345|ῂ Ὴ\u0345|ῄ " +
            "Ή\u0345|ῆ Η\u0342|ῇ Η\u0342\u0345|" +
            "ῒ Ι\u0308\u0300|\u1FD3 Ι\u0308\u0301|ῖ Ι\u0342|ῗ Ι\u0308\u0342|ῢ Υ\u0308\u0300|\u1FE3 Υ\u0308\u0301|ῤ Ρ\u0313|ῦ Υ\u0342|ῧ " +
            "Υ\u0308\u0342|" +
            "ῲ Ὼ\u0345|ῴ Ώ\u0345|ῶ Ω\u0342|ῷ Ω\u0342\u0345|ﬀ Ff|ﬁ Fi|ﬂ Fl|ﬃ Ffi|ﬄ Ffl|ﬅ St|ﬆ St|ﬓ Մն|ﬔ Մե|ﬕ Մի|ﬖ Վն|ﬗ Մխ";
        foreach (string[] entry in several.Split('|').Select(entry => entry.Split(' ')))
        {
            title[entry[0].EnumerateRunes().Single().Value] = entry[1];
        }
        return title;
    }
}
