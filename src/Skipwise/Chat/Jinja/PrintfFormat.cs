using System.Globalization;
using System.Numerics;
using System.Text;

namespace Skipwise.Chat.Jinja;

/// <summary>Python's format % values.</summary>
internal static class PrintfFormat
{
    private const int MostWidth = 1 << 20;

    /// <summary>Formats values.</summary>
    /// <param name="values">a tuple of values, a dict for %(name)s, or one value</param>
    /// <exception cref="TemplateFault">the values do not fit, or a conversion is not supported</exception>
    public static string Format(Rendering rendering, string format, object? values)
    {
        IReadOnlyList<object?> positional = values is SequenceValue { IsTuple: true } tuple ? tuple.Items : [values];
        int used = 0;
        bool isNamed = false;
        var result = new StringBuilder();
        for (int i = 0; i < format.Length; i++)
        {
            if (format[i] != '%')
            {
                result.Append(format[i]);
                continue;
            }
            object? value = BoundArguments.Missing;
            if (++i < format.Length && format[i] == '(')
            {
                int close = format.IndexOf(')', i);
                string name = close < 0 ? throw new TemplateFault("a format ends within a name") : format[(i + 1)..close];
                value = values is DictValue dict && dict.TryGet(rendering, name, out object? found) ? found
                    : throw new TemplateFault($"a format has no value '{name}'");
                isNamed = true;
                i = close + 1;
            }
            int flags = i;
            while (i < format.Length && format[i] is '-' or '+' or ' ' or '0' or '#')
            {
                i++;
            }
            string flag = format[flags..i];
            int width = Number(format, ref i) ?? 0;
            int? places = i < format.Length && format[i] == '.' ? ++i is var _ ? Number(format, ref i) ?? 0 : 0 : null;
            if (i >= format.Length)
            {
                throw new TemplateFault("a format ends within a conversion");
            }
            if (format[i] == '%')
            {
                result.Append('%');
                continue;
            }
            if (value == BoundArguments.Missing)
            {
                value = used < positional.Count ? positional[used++] : throw new TemplateFault("a format has too few values");
            }
            string text = Converted(rendering, format[i], flag, places, value);
            rendering.Charge(Math.Max(width, text.Length));
            result.Append(Padded(text, width, flag, format[i]));
        }
        bool hasItems = values is DictValue or SequenceValue { IsTuple: false } or RangeValue or Undefined; // Python takes it for a dict
        return isNamed || used == positional.Count || hasItems ? rendering.Made(result.ToString())
            : throw new TemplateFault("a format has too many values");
    }

    private static int? Number(string format, ref int at)
    {
        int start = at;
        while (at < format.Length && char.IsAsciiDigit(format[at]))
        {
            at++;
        }
        return start == at ? null
            : int.TryParse(format.AsSpan(start, at - start), CultureInfo.InvariantCulture, out int number) && number <= MostWidth ? number
            : throw new TemplateFault($"a format asks for more than {MostWidth} characters");
    }

    private static string Converted(Rendering rendering, char kind, string flags, int? places, object? value)
    {
        switch (kind)
        {
            case 's' or 'r':
                string text = kind == 's' ? Values.Text(rendering, value) : Values.Representation(rendering, value);
                return places is { } most && most < Characters.Count(text) ? Characters.Slice(text, 0, most) : text;
            case 'd' or 'i' or 'u' when value is double number && double.IsFinite(number):
                return Signed(new BigInteger(Math.Truncate(number)).ToString(CultureInfo.InvariantCulture), flags);
            case 'd' or 'i' or 'u' when places is null && Numbers.AsInteger(value) is { } whole:
                return Signed(whole.ToString(CultureInfo.InvariantCulture), flags);
            case 'x' or 'X' when places is null && !flags.Contains('#', StringComparison.Ordinal) && Numbers.AsInteger(value) is { } whole:
                string digits = BigInteger.Abs(whole).ToString(kind.ToString(), CultureInfo.InvariantCulture).TrimStart('0');
                return Signed((whole.Sign < 0 ? "-" : "") + (digits.Length == 0 ? "0" : digits), flags);
            case 'f' or 'F' when Numbers.AsDouble(value) is { } number:
                rendering.Charge(places ?? 0);
                return places > 400 ? throw new TemplateFault("a format asks for more than 400 decimal places")
                    : Signed(Numbers.Fixed(number, places ?? 6), flags);
            case 'd' or 'i' or 'u' or 'x' or 'X' or 'f' or 'F' when places is null:
                throw TemplateFault.Expected($"%{kind} needs a number", value);
            default:
                throw TemplateFault.Unsupported($"the conversion %{kind}");
        }
    }

    private static string Signed(string number, string flags) => number is ['-', ..] ? number
        : flags.Contains('+', StringComparison.Ordinal) ? "+" + number
        : flags.Contains(' ', StringComparison.Ordinal) ? " " + number : number;

    private static string Padded(string text, int width, string flags, char kind)
    {
        int missing = Math.Max(0, width - Characters.Count(text));
        return flags.Contains('-', StringComparison.Ordinal) ? text + new string(' ', missing)
            : flags.Contains('0', StringComparison.Ordinal) && kind is not ('s' or 'r')
            ? text is ['-' or '+' or ' ', ..] ? text[0] + new string('0', missing) + text[1..] : new string('0', missing) + text
            : new string(' ', missing) + text;
    }
}
