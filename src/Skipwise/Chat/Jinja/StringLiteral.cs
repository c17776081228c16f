using System.Globalization;
using System.Text;

namespace Skipwise.Chat.Jinja;

/// <summary>The escapes of a string literal, which are Python's.</summary>
internal static class StringLiteral
{
    /// <summary>Replaces the escapes. As in Python, a backslash before any other character stays.</summary>
    /// <exception cref="TemplateFault">a hexadecimal escape is cut off, or names no character</exception>
    public static string Unescape(ReadOnlySpan<char> text, int line)
    {
        var result = new StringBuilder(text.Length);
        for (int i = 0; i < text.Length; i++)
        {
            if (text[i] != '\\' || i + 1 == text.Length)
            {
                result.Append(text[i]);
                continue;
            }
            char kind = text[++i];
            switch (kind)
            {
                case '\n':
                    break;
                case '\\' or '\'' or '"':
                    result.Append(kind);
                    break;
                case 'x' or 'u' or 'U':
                    int digits = kind switch { 'x' => 2, 'u' => 4, _ => 8 };
                    result.Append(Character(text[(i + 1)..], digits, kind, line));
                    i += digits;
                    break;
                case 'N':
                    throw TemplateFault.Unsupported("a character by its Unicode name (\\N)", line);
                case >= '0' and <= '7':
                    int value = 0, end = Math.Min(text.Length, i + 3);
                    for (; i < end && text[i] is >= '0' and <= '7'; i++)
                    {
                        value = (value * 8) + (text[i] - '0');
                    }
                    i--;
                    result.Append((char)value);
                    break;
                default:
                    int known = "abfnrtv".IndexOf(kind, StringComparison.Ordinal);
                    _ = known >= 0 ? result.Append("\a\b\f\n\r\t\v"[known])
                        : kind < 0x80 ? result.Append('\\').Append(kind)
                        : result.Append('\\').Append(Spelled(kind)); // jinja2 spells it by an escape first, whose backslash this one undoes
                    break;
            }
        }
        return result.ToString();
    }

    private static string Spelled(char c) => c < 0x100
        ? string.Create(CultureInfo.InvariantCulture, $"x{(int)c:x2}") : string.Create(CultureInfo.InvariantCulture, $"u{(int)c:x4}");

    private static string Character(ReadOnlySpan<char> text, int digits, char kind, int line) =>
        text.Length >= digits && int.TryParse(text[..digits], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out int value)
            && Rune.IsValid(value)
            ? new Rune(value).ToString()
            : throw new TemplateFault($"the escape \\{kind}{text[..Math.Min(digits, text.Length)]} names no character", line);
}
