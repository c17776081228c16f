using System.Globalization;
using System.Text;

namespace Skipwise.Tokenizers.Patterns;

/// <summary>
/// .NET matches UTF-16 units and takes a letter above U+FFFF for two of them, which no tokenizer does. So a text is matched through a
/// shadow with one unit for each code point. Above U+FFFF, all that are in the same sets of a pattern are one to the pattern, and one
/// surrogate, which no text holds alone, stands for all of them.
/// </summary>
internal sealed class StandIns
{
    private const int Astral = 0x10000;
    private readonly int[] _starts; // of stretches of code points that are in the same sets
    private readonly char[] _standIns; // one a stretch

    /// <exception cref="FormatException">sets that cut Unicode into more kinds of letters than there are surrogates</exception>
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

    /// <summary>One unit of the set, as .NET writes it.</summary>
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
