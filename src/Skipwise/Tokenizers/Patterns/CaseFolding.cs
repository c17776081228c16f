using System.Globalization;
using System.Text;

namespace Skipwise.Tokenizers.Patterns;

/// <summary>
/// Case folding for case-insensitive matches: code points are equal if their upper case has the same lower case, such as k, K and the
/// Kelvin sign.
/// </summary>
internal static class CaseFolding
{
    private const int BehindTheLastCase = 0x20000;

    private static readonly Lazy<Dictionary<int, CodePoints>> s_groups = new(MakeGroups);

    /// <summary>Characters that fold to several (ß to ss), which Oniguruma matches with each other if case is ignored.</summary>
    public static CodePoints Several { get; } = CodePoints.Parse(
        "DF 130 149 1F0 390 3B0 587 1E96-1E9A 1E9E 1F50 1F52 1F54 1F56 1F80-1FAF 1FB2-1FB4 1FB6-1FB7 1FBC 1FC2-1FC4 1FC6-1FC7 1FCC " +
        "1FD2-1FD3 1FD6-1FD7 1FE2-1FE4 1FE6-1FE7 1FF2-1FF4 1FF6-1FF7 1FFC FB00-FB06 FB13-FB17");

    public static int Fold(int codePoint) =>
        Rune.IsValid(codePoint) ? Rune.ToLowerInvariant(Rune.ToUpperInvariant(new Rune(codePoint))).Value : codePoint;

    /// <summary>The set, with its members in every case.</summary>
    public static CodePoints Close(CodePoints set)
    {
        var closed = set;
        foreach (var group in s_groups.Value.Values)
        {
            closed = group.Intersect(set).IsEmpty ? closed : closed.Union(group);
        }
        return closed;
    }

    /// <summary>The code point in every case.</summary>
    public static CodePoints Close(int codePoint) => s_groups.Value.GetValueOrDefault(Fold(codePoint)) ?? CodePoints.Create(codePoint);

    /// <summary>Whether two adjacent folded code points begin the folding of a single character: ss, ff, fi, fl, st and others.</summary>
    public static bool MeetInOne(int first, int second) =>
        (first, second) is ('s', 's' or 't') or ('f', 'f' or 'i' or 'l') or (0x2BC, 'n')
            or (_, 0x2BE or 0x3B9) or (0x565 or 0x574 or 0x57E, _)
        || CharUnicodeInfo.GetUnicodeCategory(second) == UnicodeCategory.NonSpacingMark;

    private static Dictionary<int, CodePoints> MakeGroups()
    {
        var members = new Dictionary<int, List<int>>();
        for (int c = 0; c < BehindTheLastCase; c++)
        {
            if (CharUnicodeInfo.GetUnicodeCategory(c) is UnicodeCategory.LowercaseLetter or UnicodeCategory.UppercaseLetter
                or UnicodeCategory.TitlecaseLetter or UnicodeCategory.LetterNumber or UnicodeCategory.OtherSymbol
                or UnicodeCategory.NonSpacingMark)
            {
                int fold = Fold(c);
                (members.TryGetValue(fold, out var list) ? list : members[fold] = []).Add(c);
            }
        }
        return members.Where(group => group.Value.Count > 1).ToDictionary(group => group.Key, group => CodePoints.Create([.. group.Value]));
    }
}
