using System.Globalization;

namespace Skipwise.Tokenizers.Patterns;

/// <summary>A set of Unicode code points, stored as the code points where membership changes.</summary>
internal sealed class CodePoints
{
    public const int End = 0x110000; // after the last code point
    private readonly int[] _changes; // first member, first non-member, next member, ...: rising

    private CodePoints(int[] changes) => _changes = changes;

    public static CodePoints None { get; } = new([]);
    public static CodePoints All { get; } = new([0, End]);

    public static CodePoints Range(int first, int last) => new([first, last + 1]);

    public static CodePoints Create(params ReadOnlySpan<int> members)
    {
        var set = None;
        foreach (int member in members)
        {
            set = set.Union(Range(member, member));
        }
        return set;
    }

    /// <summary>All code points grouped by a property: value -> the code points that have it.</summary>
    public static Dictionary<T, CodePoints> By<T>(Func<int, T> property) where T : struct, Enum
    {
        var changes = new Dictionary<T, List<int>>();
        var value = property(0);
        for (int c = 1, start = 0; c <= End; c++)
        {
            var next = c < End ? property(c) : default;
            if (c == End || !EqualityComparer<T>.Default.Equals(next, value))
            {
                (changes.TryGetValue(value, out var list) ? list : changes[value] = []).AddRange([start, c]);
                (start, value) = (c, next);
            }
        }
        return changes.ToDictionary(pair => pair.Key, pair => new CodePoints([.. pair.Value]));
    }

    /// <summary>Parses hexadecimal numbers and ranges in rising order: "41-5A 5F".</summary>
    public static CodePoints Parse(string ranges)
    {
        var changes = new List<int>();
        foreach (string range in ranges.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries))
        {
            string[] ends = range.Split('-');
            changes.Add(int.Parse(ends[0], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture));
            changes.Add(int.Parse(ends[^1], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture) + 1);
        }
        return new([.. changes]);
    }

    public IEnumerable<(int First, int Last)> Ranges
    {
        get
        {
            for (int i = 0; i < _changes.Length; i += 2)
            {
                yield return (_changes[i], _changes[i + 1] - 1);
            }
        }
    }

    public bool IsEmpty => _changes.Length == 0;

    public bool Contains(int codePoint)
    {
        int at = Array.BinarySearch(_changes, codePoint);
        return ((at >= 0 ? at + 1 : ~at) & 1) == 1;
    }

    public CodePoints Union(CodePoints other) => Combine(other, (a, b) => a || b);

    public CodePoints Intersect(CodePoints other) => Combine(other, (a, b) => a && b);

    public CodePoints Except(CodePoints other) => Combine(other, (a, b) => a && !b);

    public CodePoints Complement() => All.Except(this);

    private CodePoints Combine(CodePoints other, Func<bool, bool, bool> isMember)
    {
        var changes = new List<int>(_changes.Length + other._changes.Length);
        bool inside = false;
        for (int i = 0, j = 0; i < _changes.Length || j < other._changes.Length;)
        {
            int next = Math.Min(i < _changes.Length ? _changes[i] : End, j < other._changes.Length ? other._changes[j] : End);
            i += i < _changes.Length && _changes[i] == next ? 1 : 0;
            j += j < other._changes.Length && other._changes[j] == next ? 1 : 0;
            if (isMember((i & 1) == 1, (j & 1) == 1) != inside)
            {
                changes.Add(next);
                inside = !inside;
            }
        }
        return new([.. changes]);
    }
}
