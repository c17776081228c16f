using System.Globalization;
using System.Text;

namespace Skipwise.Cli.Display;

/// <summary>
/// Text that shows itself and does nothing: a file's or a tensor's name may hold codes that move a terminal's cursor, colour it, or
/// turn the order of reading round.
/// </summary>
internal static class Printable
{
    /// <summary>Control characters but tab and line feed, and marks of direction, become \u with four hexadecimal digits, as in
    /// JSON.</summary>
    public static string Of(string text)
    {
        if (!text.Any(IsHidden))
        {
            return text;
        }
        var shown = new StringBuilder();
        foreach (char unit in text)
        {
            _ = IsHidden(unit) ? shown.Append(CultureInfo.InvariantCulture, $"\\u{(int)unit:x4}") : shown.Append(unit);
        }
        return shown.ToString();
    }

    private static bool IsHidden(char unit) => unit is not ('\t' or '\n')
        && (char.IsControl(unit) || unit is '\u061C' or '\u200E' or '\u200F' or '\u2028' or '\u2029' or (>= '\u202A' and <= '\u202E')
            or (>= '\u2066' and <= '\u2069'));
}
