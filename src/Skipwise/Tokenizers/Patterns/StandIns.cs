using System.Globalization;
using System.Text;

namespace Skipwise.Tokenizers.Patterns;

/// <summary>
/// Maps code points to UTF-16 units for .NET's regular expressions, which match units and split code points above U+FFFF in two. A text is
/// matched in a copy with one unit per code point. Code points above U+FFFF that are in the same sets of a pattern are equivalent to the
/// pattern, so one lone surrogate, which no valid text contains, represents all of them.
/// </summary>
internal sealed class StandIns
{
    private const int Astral = 0x10000;
    private readonly int[] _starts; // starts of ranges of code points that are in the same sets
    private readonly char[] _standIns; // one per range

    /// <summary>Assigns surrogates to the ranges.</summary>
    /// <exception cref="FormatException">the sets need more surrogates than there are</exception>
    public StandIns(IReadOnlyCollection<CodePoints> sets)
    {
        _starts = [.. sets.SelectMany(set => set.Ranges).SelectMany(range => (int[])[range.First, range.Last + 1])
            .Where(c => c is > Astral and < CodePoints.End).Append(Astral).Distinct().Order()];
        int[] kinds = new int[_starts.Length];
        foreach (var set in sets)
        {
            var numbers = new Dictionary<(int Kind, bool IsMember), int>();
            for (int i = 0; i < kinds.Length; i++)
            {
                var key = (kinds[i], set.Contains(_starts[i]));
                kinds[i] = numbers.TryGetValue(key, out int number) ? number : numbers[key] = numbers.Count;
            }
        }
        _standIns = [.. kinds.Select(kind => '\uD800' + kind is var unit and <= '\uDFFF'
            ? (char)unit
            : throw new FormatException("it tells too many kinds of letters above U+FFFF apart"))];
    }

    public char this[Rune rune]
    {
        get
        {
            int at = Array.BinarySearch(_starts, rune.Value);
            return _standIns[at >= 0 ? at : ~at - 1];
        }
    }

    /// <summary>The set as a .NET character class of one unit.</summary>
    public string Write(CodePoints set)
    {
        var units = set.Intersect(CodePoints.Range(0, 0xD7FF).Union(CodePoints.Range(0xE000, 0xFFFF)));
        foreach (char unit in _standIns.Where((_, i) => set.Contains(_starts[i])).Distinct())
        {
            units = units.Union(CodePoints.Create(unit));
        }
        var text = new StringBuilder();
        int count = 0;
        foreach (var (first, last) in units.Ranges)
        {
            text.Append(CultureInfo.InvariantCulture, $"\\u{first:X4}");
            if (last > first)
            {
                text.Append(CultureInfo.InvariantCulture, $"-\\u{last:X4}");
            }
            count += last - first + 1;
        }
        return count switch
        {
            0 => @"[^\0-\uFFFF]",
            1 => text.ToString(),
            _ => $"[{text}]",
        };
    }
}
