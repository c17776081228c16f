using System.Globalization;
using System.Text;

namespace Skipwise.Chat.Jinja;

/// <summary>C's strftime in the C locale, for strftime_now.</summary>
internal static class StrftimeFormat
{
    /// <summary>Formats a time.</summary>
    /// <exception cref="TemplateFault">a conversion is not supported</exception>
    public static string Format(string format, DateTimeOffset time)
    {
        var result = new StringBuilder();
        for (int i = 0; i < format.Length; i++)
        {
            if (format[i] != '%' || i + 1 == format.Length)
            {
                result.Append(format[i]);
                continue;
            }
            bool isBare = format[++i] == '-' && ++i < format.Length; // the GNU flag: without zeros before the number
            string text = i < format.Length ? Text(format[i], time)
                : throw new TemplateFault("a time format ends within a conversion");
            result.Append(isBare ? text.TrimStart('0', ' ') is { Length: > 0 } number ? number : "0" : text);
        }
        return result.ToString();
    }

    private static string Text(char kind, DateTimeOffset time) => kind switch
    {
        '%' => "%",
        'n' => "\n",
        't' => "\t",
        'a' => Dotnet("ddd", time),
        'A' => Dotnet("dddd", time),
        'b' or 'h' => Dotnet("MMM", time),
        'B' => Dotnet("MMMM", time),
        'd' => Dotnet("dd", time),
        'e' => Dotnet("%d", time).PadLeft(2),
        'f' => Dotnet("ffffff", time),
        'H' => Dotnet("HH", time),
        'I' => Dotnet("hh", time),
        'j' => time.DayOfYear.ToString("000", CultureInfo.InvariantCulture),
        'm' => Dotnet("MM", time),
        'M' => Dotnet("mm", time),
        'p' => Dotnet("tt", time),
        'S' => Dotnet("ss", time),
        'u' => ((((int)time.DayOfWeek + 6) % 7) + 1).ToString(CultureInfo.InvariantCulture),
        'w' => ((int)time.DayOfWeek).ToString(CultureInfo.InvariantCulture),
        'y' => Dotnet("yy", time),
        'Y' => Dotnet("yyyy", time),
        'c' => $"{Dotnet("ddd MMM", time)} {Dotnet("%d", time),2} {Dotnet("HH':'mm':'ss yyyy", time)}",
        'D' or 'x' => Dotnet("MM'/'dd'/'yy", time),
        'F' => Dotnet("yyyy-MM-dd", time),
        'R' => Dotnet("HH':'mm", time),
        'T' or 'X' => Dotnet("HH':'mm':'ss", time),
        'z' or 'Z' => "", // of a time without a zone, as Python's datetime.now() is
        _ => throw TemplateFault.Unsupported($"the time conversion %{kind}"),
    };

    private static string Dotnet(string format, DateTimeOffset time) => time.ToString(format, CultureInfo.InvariantCulture);
}
