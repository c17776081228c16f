using System.Globalization;
using System.Numerics;
using System.Text;

namespace Skipwise.Chat.Jinja;

internal static partial class Values
{
    /// <summary>Python's str: what is output.</summary>
    /// <exception cref="TemplateFault">a function or the like has no text</exception>
    public static string Text(Rendering rendering, object? value)
    {
        switch (value)
        {
            case string text:
                return text;
            case Markup marked:
                return marked.Text;
            case Undefined:
                return "";
            default:
                var result = new StringBuilder();
                Represent(rendering, value, result);
                return result.ToString();
        }
    }

    /// <summary>Python's repr.</summary>
    public static string Representation(Rendering rendering, object? value)
    {
        var result = new StringBuilder();
        Represent(rendering, value, result);
        return result.ToString();
    }

    private static void Represent(Rendering rendering, object? value, StringBuilder result)
    {
        RequireStack();
        rendering.Step();
        void Write(string text) => result.Append(rendering.Made(text));
        void WriteAll(string open, IEnumerable<object?> items, string close)
        {
            Write(open);
            string separator = "";
            foreach (object? item in items)
            {
                Write(separator);
                Represent(rendering, item, result);
                separator = ", ";
            }
            Write(close);
        }
        switch (value)
        {
            case null:
                Write("None");
                break;
            case bool truth:
                Write(truth ? "True" : "False");
                break;
            case BigInteger number:
                Write(number.ToString(CultureInfo.InvariantCulture));
                break;
            case double number:
                Write(Numbers.Text(number));
                break;
            case string text:
                Write(Quoted(text));
                break;
            case Undefined:
                Write("Undefined");
                break;
            case SequenceValue { IsTuple: true } tuple:
                WriteAll("(", tuple.Items, tuple.Items.Count == 1 ? ",)" : ")");
                break;
            case SequenceValue list:
                WriteAll("[", list.Items, "]");
                break;
            case DictView view:
                WriteAll($"dict_{view.Kind}([", view.Items, "])");
                break;
            case DictValue dict:
                RepresentDict(rendering, dict, result);
                break;
            case RangeValue range:
                object?[] bounds = range.Step.IsOne ? [range.Start, range.Stop] : [range.Start, range.Stop, range.Step];
                WriteAll("range(", bounds, ")");
                break;
            default:
                throw TemplateFault.Unsupported($"the text of a value of type {TypeName(value)}");
        }
    }

    private static void RepresentDict(Rendering rendering, DictValue dict, StringBuilder result)
    {
        result.Append('{');
        string separator = "";
        foreach ((object? key, object? item) in dict.Items)
        {
            result.Append(rendering.Made(separator));
            Represent(rendering, key, result);
            result.Append(": ");
            Represent(rendering, item, result);
            separator = ", ";
        }
        result.Append(rendering.Made("}"));
    }

    /// <summary>A text between quotes, with Python's escapes.</summary>
    private static string Quoted(string text)
    {
        char quote = text.Contains('\'', StringComparison.Ordinal) && !text.Contains('"', StringComparison.Ordinal) ? '"' : '\'';
        var result = new StringBuilder(text.Length + 2).Append(quote);
        foreach (Rune rune in text.EnumerateRunes())
        {
            int code = rune.Value;
            _ = code switch
            {
                '\n' => result.Append("\\n"),
                '\r' => result.Append("\\r"),
                '\t' => result.Append("\\t"),
                '\\' => result.Append("\\\\"),
                _ when code == quote => result.Append('\\').Append(quote),
                _ when Characters.IsPrintable(rune) => result.Append(rune.ToString()),
                < 0x100 => result.Append(CultureInfo.InvariantCulture, $"\\x{code:x2}"),
                < 0x10000 => result.Append(CultureInfo.InvariantCulture, $"\\u{code:x4}"),
                _ => result.Append(CultureInfo.InvariantCulture, $"\\U{code:x8}"),
            };
        }
        return result.Append(quote).ToString();
    }
}
