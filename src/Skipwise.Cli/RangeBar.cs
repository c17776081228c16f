using System.Text;

namespace Skipwise.Cli;

/// <summary>Which parts of a line are taken, in characters: full, partly and not at all.</summary>
internal static class RangeBar
{
    private const string Shades = "·░▒▓█"; // the first for nothing, the last for all of a cell

    /// <param name="ranges">begin and end (excluded), disjoint</param>
    /// <param name="length">the line goes from 0 to this</param>
    /// <param name="width">characters</param>
    public static string Of(IReadOnlyList<(int Begin, int End)> ranges, int length, int width)
    {
        var bar = new StringBuilder("|");
        for (int cell = 0; cell < width; cell++)
        {
            double begin = (double)cell * length / width, end = (cell + 1.0) * length / width;
            double taken = ranges.Sum(range => Math.Max(0, Math.Min(range.End, end) - Math.Max(range.Begin, begin))) / (end - begin);
            // Anything taken shows, and only a cell that is taken wholly is full.
            int shade = taken <= 0
                ? 0
                : taken > 1 - 1e-9
                ? Shades.Length - 1
                : Math.Clamp((int)Math.Ceiling(taken * (Shades.Length - 2)), 1, Shades.Length - 2);
            bar.Append(Shades[shade]);
        }
        return bar.Append('|').ToString();
    }
}
