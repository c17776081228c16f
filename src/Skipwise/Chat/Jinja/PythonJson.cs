using System.Globalization;
using System.Numerics;
using System.Text;

namespace Skipwise.Chat.Jinja;

/// <summary>Writes values as Python's json.dumps does, which is transformers' filter tojson.</summary>
internal sealed class PythonJson
{
    private readonly Rendering _rendering;
    private readonly StringBuilder _text = new();
    private readonly bool _onlyAscii, _sorted;
    private readonly string? _indent; // of one level; null: all in one line
    private readonly string _itemSeparator, _keySeparator;

    /// <summary>Takes json.dumps' arguments: ensure_ascii, indent, separators, sort_keys.</summary>
    public PythonJson(Rendering rendering, BoundArguments arguments)
    {
        _rendering = rendering;
        _onlyAscii = arguments.Truth(0, false);
        if (arguments.IsSet(1))
        {
            int width = arguments[1] is string ? 0 : Math.Max(0, arguments.Int(1));
            rendering.Charge(width);
            _indent = arguments[1] as string ?? new string(' ', width);
        }
        (_itemSeparator, _keySeparator) = (_indent is null ? ", " : ",", ": ");
        if (arguments.IsSet(2))
        {
            (_itemSeparator, _keySeparator) = arguments[2] is SequenceValue { Items: [string item, string key] } ? (item, key)
                : throw new TemplateFault("the separators of tojson are not two texts");
        }
        _sorted = arguments.Truth(3, false);
    }

    /// <summary>Writes a value.</summary>
    /// <exception cref="TemplateFault">JSON has no such value</exception>
    public string Write(object? value)
    {
        Write(value, 0);
        return _text.ToString();
    }

    private void Write(object? value, int level)
    {
        Values.RequireStack();
        _rendering.Step();
        switch (value)
        {
            case null or bool or BigInteger or double:
                Append(Scalar(value));
                break;
            case string or Markup:
                WriteText(Values.PlainText(value)!);
                break;
            case SequenceValue list:
                WriteAll('[', list.Items, ']', level, item => Write(item, level + 1));
                break;
            case DictValue dict:
                IEnumerable<(string Key, object? Value)> members = dict.Items.Select(item => (KeyOf(item.Key), item.Value));
                if (_sorted)
                {
                    members = members.OrderBy(member => member.Key, Comparer<string>.Create(Characters.Compare));
                }
                WriteAll('{', members, '}', level, member =>
                {
                    WriteText(member.Key);
                    Append(_keySeparator);
                    Write(member.Value, level + 1);
                });
                break;
            default:
                throw new TemplateFault($"a value of type {Values.TypeName(value)} cannot be written as JSON");
        }
    }

    private void WriteAll<T>(char open, IEnumerable<T> items, char close, int level, Action<T> write)
    {
        _text.Append(open);
        bool isEmpty = true;
        foreach (T item in items)
        {
            Append(isEmpty ? "" : _itemSeparator);
            NewLine(level + 1);
            write(item);
            isEmpty = false;
        }
        if (!isEmpty)
        {
            NewLine(level);
        }
        _rendering.Charge(2);
        _text.Append(close);
    }

    private void NewLine(int level)
    {
        if (_indent is not null)
        {
            _rendering.Charge(1 + (_indent.Length * level));
            _text.Append('\n').Insert(_text.Length, _indent, level);
        }
    }

    private void Append(string text) => _text.Append(_rendering.Made(text));

    private static string Scalar(object? value) => value switch
    {
        null => "null",
        bool truth => truth ? "true" : "false",
        double number when double.IsNaN(number) => "NaN",
        double number when double.IsInfinity(number) => number > 0 ? "Infinity" : "-Infinity",
        double number => Numbers.Text(number),
        _ => ((BigInteger)value).ToString(CultureInfo.InvariantCulture),
    };

    private static string KeyOf(object? key) => Values.PlainText(key) ?? (key is null or bool or BigInteger or double ? Scalar(key)
        : throw new TemplateFault($"a value of type {Values.TypeName(key)} is no key in JSON"));

    private void WriteText(string text)
    {
        _rendering.Charge(text.Length + 2);
        _text.Append('"');
        foreach (char c in text)
        {
            _ = c switch
            {
                '"' => _text.Append("\\\""),
                '\\' => _text.Append("\\\\"),
                '\n' => _text.Append("\\n"),
                '\r' => _text.Append("\\r"),
                '\t' => _text.Append("\\t"),
                '\b' => _text.Append("\\b"),
                '\f' => _text.Append("\\f"),
                < ' ' => Escaped(c),
                > '~' when _onlyAscii => Escaped(c),
                _ => _text.Append(c),
            };
        }
        _text.Append('"');
    }

    private StringBuilder Escaped(char c) => _text.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}");
}
