using System.Numerics;
using System.Text;

namespace Skipwise.Chat.Jinja;

/// <summary>The filters: here those of texts and numbers, in the other part those of lists and dicts.</summary>
internal static partial class Filters
{
    /// <summary>The filters by name.</summary>
    public static readonly BuiltinTable Table = new BuiltinTable(
        "filesizeformat forceescape groupby pprint random striptags truncate urlencode urlize wordcount wordwrap xmlattr")
    {
        { "abs", "", (r, v, a) => Absolute(v) },
        { "attr", "name!", (r, v, a) => Members.TryAttribute(v, a.Text(0), out object? value) ? value
            : new Undefined($"there is no attribute '{a.Text(0)}'") },
        { "batch", "linecount! fill_with", (r, v, a) => new Generator(Batches(r, v, a.Int(0), a.Or(1, null))) },
        { "capitalize", "", (r, v, a) => StringMethods.Capitalized(Text(r, v)) },
        { "center", "width", (r, v, a) => StringMethods.Centered(r, Text(r, v), a.Int(0, 80), ' ') },
        { "default", "default_value boolean", (r, v, a) => v is Undefined || (a.Truth(1, false) && !Values.IsTrue(v)) ? a.Or(0, "") : v },
        { "dictsort", "case_sensitive by reverse", (r, v, a) => SortedItems(r, v, a) },
        { "escape", "", (r, v, a) => Escaped(r, v) },
        { "first", "", (r, v, a) => First(Values.Iterate(r, v), "the first item") },
        { "float", "default", (r, v, a) => ToFloat(r, v) is { } number ? number : a.Or(0, 0.0) },
        { "format", "*", (r, v, a) => Formatted(r, Text(r, v), a.All) },
        { "indent", "width first blank", (r, v, a) => Indented(r, v, a) },
        { "int", "default base", (r, v, a) => ToInt(r, v, a.Int(1, 10)) is { } number ? number : a.Or(0, BigInteger.Zero) },
        { "items", "", (r, v, a) => new Generator(v is Undefined ? [] : v is DictValue dict ? Members.Pairs(r, dict)
            : throw TemplateFault.Expected("the filter items needs a dict", v)) },
        { "join", "d attribute", (r, v, a) => Joined(r, v, a) },
        { "last", "", (r, v, a) => v is Generator or LoopState ? throw new TemplateFault("the filter last cannot go backwards there")
            : v is string or SequenceValue or RangeValue && Values.IsTrue(v) ? Members.Item(r, v, BigInteger.MinusOne)
            : First(Values.Iterate(r, v).Reverse(), "the last item") },
        { "length", "", (r, v, a) => Values.Length(r, v) is { } length ? (BigInteger)length
            : throw new TemplateFault($"a value of type {Values.TypeName(v)} has no length") },
        { "list", "", (r, v, a) => r.List(Values.Iterate(r, v)) },
        { "lower", "", (r, v, a) => Text(r, v).ToLowerInvariant() },
        { "map", "*", (r, v, a) => new Generator(Mapped(r, v, a.All)) },
        { "max", "case_sensitive attribute", (r, v, a) => Extreme(r, v, a, wanted: 1) },
        { "min", "case_sensitive attribute", (r, v, a) => Extreme(r, v, a, wanted: -1) },
        { "reject", "*", (r, v, a) => new Generator(Selected(r, v, a.All, wanted: false, byAttribute: false)) },
        { "rejectattr", "*", (r, v, a) => new Generator(Selected(r, v, a.All, wanted: false, byAttribute: true)) },
        { "replace", "old! new! count", (r, v, a) =>
            StringMethods.Replaced(r, Text(r, v), Text(r, a[0]), Text(r, a[1]), a.IsSet(2) ? a.Int(2) : -1) },
        { "reverse", "", (r, v, a) => v is string text ? string.Concat(r.List(Characters.Of(r.Made(text))).Items.Reverse())
            : v is Generator ? new SequenceValue([.. r.List(Values.Iterate(r, v)).Items.Reverse()])
            : new Generator(Values.Iterate(r, v).Reverse()) },
        { "round", "precision method", (r, v, a) => Rounded(v, a.Int(0, 0), a.Text(1, "common")) },
        { "safe", "", (r, v, a) => new Markup(Text(r, v)) },
        { "select", "*", (r, v, a) => new Generator(Selected(r, v, a.All, wanted: true, byAttribute: false)) },
        { "selectattr", "*", (r, v, a) => new Generator(Selected(r, v, a.All, wanted: true, byAttribute: true)) },
        { "slice", "slices! fill_with", (r, v, a) => new Generator(Slices(r, v, a.Int(0), a.Or(1, null))) },
        { "sort", "reverse case_sensitive attribute", (r, v, a) => Sorted(r, v, a) },
        { "string", "", (r, v, a) => v is Markup ? v : Values.Text(r, v) },
        { "sum", "attribute start", (r, v, a) => Sum(r, v, a) },
        { "title", "", (r, v, a) => Titled(Text(r, v)) },
        { "tojson", "ensure_ascii indent separators sort_keys", (r, v, a) => new PythonJson(r, a).Write(v) },
        { "trim", "chars", (r, v, a) => StringMethods.Stripped(r, Text(r, v), a.OptionalText(0)) },
        { "unique", "case_sensitive attribute", (r, v, a) => new Generator(Unique(r, v, a)) },
        { "upper", "", (r, v, a) => Text(r, v).ToUpperInvariant() },
    }
        .Alias("default", "d").Alias("escape", "e").Alias("length", "count");

    /// <summary>The text of what is filtered; it is counted, because the filter makes another one of it.</summary>
    private static string Text(Rendering rendering, object? value) => rendering.Made(Values.Text(rendering, value));

    private static object Absolute(object? value) => value is double number ? Math.Abs(number)
        : Numbers.AsInteger(value) is { } integer ? BigInteger.Abs(integer)
        : throw TemplateFault.Expected("the filter abs needs a number", value);

    private static object? First(IEnumerable<object?> items, string what)
    {
        foreach (object? item in items)
        {
            return item;
        }
        return new Undefined($"{what} of an empty list is undefined");
    }

    private static double? ToFloat(Rendering rendering, object? value) => value is string text ? Numbers.ParseDouble(rendering.Made(text))
        : value is Undefined undefined ? throw undefined.Fault() : Numbers.AsDouble(value);

    private static BigInteger? ToInt(Rendering rendering, object? value, int numberBase)
    {
        if (value is string text)
        {
            long digits = Math.Min(text.Length, Numbers.MostDigits);
            rendering.Charge(text.Length + (digits * digits / 64)); // reading a number is quadratic
            return numberBase is not (0 or (>= 2 and <= 36)) ? null
                : Numbers.Parse(text, numberBase) ?? (Numbers.ParseDouble(text) is { } parsed ? Truncated(parsed) : null);
        }
        return value switch
        {
            Undefined undefined => throw undefined.Fault(),
            double number when double.IsInfinity(number) => throw new TemplateFault("infinity is no int"),
            double number => Truncated(number),
            _ => Numbers.AsInteger(value),
        };
    }

    private static BigInteger? Truncated(double number) => double.IsFinite(number) ? new BigInteger(number) : null;

    private static object Rounded(object? value, int places, string method)
    {
        if (method is not ("common" or "ceil" or "floor"))
        {
            throw new TemplateFault($"the filter round knows no method '{method}', only common, ceil and floor");
        }
        if (Math.Abs((long)places) > 400)
        {
            throw new TemplateFault("the filter round goes to at most 400 decimal places");
        }
        if (value is not double && Numbers.AsInteger(value) is { } integer && method == "common")
        {
            BigInteger unit = BigInteger.Pow(10, Math.Max(0, -places));
            BigInteger rounded = Numbers.RoundedQuotient(BigInteger.Abs(integer), unit) * unit;
            return integer.Sign < 0 ? -rounded : rounded;
        }
        double number = Numbers.AsDouble(value)
            ?? throw TemplateFault.Expected("the filter round needs a number", value);
        if (method != "common")
        {
            double scale = Math.Pow(10, places);
            return (method == "ceil" ? Math.Ceiling(number * scale) : Math.Floor(number * scale)) / scale;
        }
        return !double.IsFinite(number) ? number
            : places >= 0 ? Numbers.ParseDouble(Numbers.Fixed(number, places))!.Value
            : (double)(Numbers.Rounded(number, places) * BigInteger.Pow(10, -places));
    }

    private static string Formatted(Rendering rendering, string format, Arguments arguments)
    {
        if (arguments.Named.Count == 0)
        {
            return PrintfFormat.Format(rendering, format, new SequenceValue(arguments.Positional, isTuple: true));
        }
        var named = new DictValue();
        foreach ((string name, object? value) in arguments.Named)
        {
            named.Set(rendering, name, value);
        }
        return arguments.Positional.Count == 0 ? PrintfFormat.Format(rendering, format, named)
            : throw new TemplateFault("the filter format takes arguments with names or without, not both");
    }

    private static string Indented(Rendering rendering, object? value, BoundArguments a)
    {
        string text = value as string ?? throw TemplateFault.Expected("the filter indent needs a str", value);
        int width = a.Or(0, null) is string ? 0 : Math.Max(0, a.Int(0, 4));
        rendering.Charge(width);
        string indent = a.Or(0, null) as string ?? new string(' ', width);
        bool first = a.Truth(1, false), blank = a.Truth(2, false);
        var result = new StringBuilder();
        int number = 0;
        foreach (string line in StringSplit.Lines(rendering, text + "\n", keepEnds: false))
        {
            bool isIndented = number == 0 ? first : blank || line.Length > 0;
            rendering.Charge(line.Length + 1 + (isIndented ? indent.Length : 0));
            result.Append(number++ > 0 ? "\n" : "").Append(isIndented ? indent : "").Append(line);
        }
        return result.ToString();
    }

    private static Markup Escaped(Rendering rendering, object? value)
    {
        if (value is Markup marked)
        {
            return marked;
        }
        string text = Text(rendering, value);
        rendering.Charge(5L * text.Length);
        return new(text.Replace("&", "&amp;", StringComparison.Ordinal).Replace("<", "&lt;", StringComparison.Ordinal)
            .Replace(">", "&gt;", StringComparison.Ordinal).Replace("'", "&#39;", StringComparison.Ordinal)
            .Replace("\"", "&#34;", StringComparison.Ordinal));
    }

    /// <summary>jinja2's own: the letter behind white space, a hyphen or an opening bracket large, all others small.</summary>
    private static string Titled(string text)
    {
        var result = new StringBuilder(text.Length);
        bool isFirst = true;
        foreach (char c in text)
        {
            result.Append(isFirst ? char.ToUpperInvariant(c) : char.ToLowerInvariant(c));
            isFirst = c is '-' or '(' or '{' or '[' or '<' || Characters.IsSpace(c);
        }
        return result.ToString();
    }
}
