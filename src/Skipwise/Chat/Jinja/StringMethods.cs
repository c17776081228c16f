using System.Globalization;
using System.Numerics;
using System.Text;

namespace Skipwise.Chat.Jinja;

/// <summary>The methods of str. Upper and lower case are one character's at a time: ß stays ß, which Python's upper makes SS.</summary>
internal static class StringMethods
{
    /// <summary>The methods by name.</summary>
    public static readonly BuiltinTable Table =
        new("encode expandtabs format_map isidentifier isprintable maketrans translate")
    {
        { "capitalize", "", (r, s, a) => Capitalized(r.Made(Of(s))) },
        { "casefold", "", (r, s, a) => r.Made(Of(s)).ToLowerInvariant() },
        { "center", "/ width! fill", (r, s, a) => Centered(r, Of(s), a.Int(0), Fill(a)) },
        { "count", "/ part! start end", (r, s, a) => Count(r, Range(r, s, a).Text, a.Text(0)) },
        { "endswith", "/ suffix! start end", (r, s, a) => HasEnd(r, s, a, (text, end) => text.EndsWith(end, StringComparison.Ordinal)) },
        { "find", "/ part! start end", (r, s, a) => (BigInteger)Find(r, s, a, fromEnd: false) },
        { "format", "*", (r, s, a) => Formatted(r, Of(s), a.All) },
        { "index", "/ part! start end", (r, s, a) => Found(Find(r, s, a, fromEnd: false)) },
        { "isalnum", "", (r, s, a) => All(r, s, rune => Rune.IsLetter(rune) || Rune.IsNumber(rune)) },
        { "isalpha", "", (r, s, a) => All(r, s, Rune.IsLetter) },
        { "isascii", "", (r, s, a) => Ascii.IsValid(r.Made(Of(s))) },
        { "isdecimal", "", (r, s, a) => All(r, s, Rune.IsDigit) },
        { "isdigit", "", (r, s, a) => All(r, s, rune => CharUnicodeInfo.GetDigitValue(rune.ToString(), 0) >= 0) },
        { "islower", "", (r, s, a) => IsCase(r, s, UnicodeCategory.LowercaseLetter, UnicodeCategory.UppercaseLetter) },
        { "isnumeric", "", (r, s, a) => All(r, s, rune => CharUnicodeInfo.GetNumericValue(rune.ToString(), 0) >= 0) },
        { "isspace", "", (r, s, a) => All(r, s, rune => rune.IsBmp && Characters.IsSpace((char)rune.Value)) },
        { "istitle", "", (r, s, a) => Of(s) is var text && text.Any(char.IsLetter) && Titled(r.Made(text)) == text },
        { "isupper", "", (r, s, a) => IsCase(r, s, UnicodeCategory.UppercaseLetter, UnicodeCategory.LowercaseLetter) },
        { "join", "/ items!", (r, s, a) => Joined(r, Of(s), a[0]) },
        { "ljust", "/ width! fill", (r, s, a) => Of(s) + Pad(r, Of(s), a) },
        { "lower", "", (r, s, a) => r.Made(Of(s)).ToLowerInvariant() },
        { "lstrip", "/ characters", (r, s, a) => Stripped(r, Of(s), a.OptionalText(0), atEnd: false) },
        { "partition", "/ separator!", (r, s, a) => Partition(r, Of(s), a.Text(0), fromEnd: false) },
        { "removeprefix", "/ prefix!", (r, s, a) => Of(s) is var text && a.Text(0) is var part
            && text.StartsWith(part, StringComparison.Ordinal) ? r.Made(text[part.Length..]) : text },
        { "removesuffix", "/ suffix!", (r, s, a) => Of(s) is var text && a.Text(0) is { Length: > 0 } part
            && text.EndsWith(part, StringComparison.Ordinal) ? r.Made(text[..^part.Length]) : Of(s) },
        { "replace", "/ old! new! count", (r, s, a) => Replaced(r, Of(s), a.Text(0), a.Text(1), a.Int(2, -1)) },
        { "rfind", "/ part! start end", (r, s, a) => (BigInteger)Find(r, s, a, fromEnd: true) },
        { "rindex", "/ part! start end", (r, s, a) => Found(Find(r, s, a, fromEnd: true)) },
        { "rjust", "/ width! fill", (r, s, a) => Pad(r, Of(s), a) + Of(s) },
        { "rpartition", "/ separator!", (r, s, a) => Partition(r, Of(s), a.Text(0), fromEnd: true) },
        { "rsplit", "sep maxsplit", (r, s, a) => StringSplit.Split(r, Of(s), a.OptionalText(0), a.Int(1, -1), fromEnd: true) },
        { "rstrip", "/ characters", (r, s, a) => Stripped(r, Of(s), a.OptionalText(0), atStart: false) },
        { "split", "sep maxsplit", (r, s, a) => StringSplit.Split(r, Of(s), a.OptionalText(0), a.Int(1, -1), fromEnd: false) },
        { "splitlines", "keepends", (r, s, a) => r.List(StringSplit.Lines(r, Of(s), a.Truth(0, false))) },
        { "startswith", "/ prefix! start end",
            (r, s, a) => HasEnd(r, s, a, (text, start) => text.StartsWith(start, StringComparison.Ordinal)) },
        { "strip", "/ characters", (r, s, a) => Stripped(r, Of(s), a.OptionalText(0)) },
        { "swapcase", "", (r, s, a) => string.Concat(r.Made(Of(s)).Select(c =>
            char.IsUpper(c) ? char.ToLowerInvariant(c) : char.ToUpperInvariant(c))) },
        { "title", "", (r, s, a) => Titled(r.Made(Of(s))) },
        { "upper", "", (r, s, a) => r.Made(Of(s)).ToUpperInvariant() },
        { "zfill", "/ width!", (r, s, a) => Zeros(r, Of(s), a.Int(0)) },
    };

    private static string Of(object? self) => (string)self!;

    /// <summary>The first letter large, the others small.</summary>
    public static string Capitalized(string text)
    {
        int first = text.Length > 1 && char.IsSurrogatePair(text[0], text[1]) ? 2 : Math.Min(1, text.Length);
        return text[..first].ToUpperInvariant() + text[first..].ToLowerInvariant();
    }

    /// <summary>A text in the middle of a line, as Python divides an odd number of spaces.</summary>
    public static string Centered(Rendering rendering, string text, int width, char fill)
    {
        int length = Characters.Count(text), missing = Math.Max(0, width - length);
        rendering.Charge(text.Length + missing);
        int left = (missing / 2) + (missing & width & 1);
        return new string(fill, left) + text + new string(fill, missing - left);
    }

    /// <summary>A text without the white space, or other characters, around it.</summary>
    public static string Stripped(Rendering rendering, string text, string? characters, bool atStart = true, bool atEnd = true)
    {
        bool IsOut(char c) => characters is null ? Characters.IsSpace(c) : characters.Contains(c, StringComparison.Ordinal);
        if (characters is not null && !Characters.IsFlat(characters))
        {
            throw TemplateFault.Unsupported("strip() of characters beyond U+FFFF");
        }
        rendering.Charge(text.Length * (1L + ((characters?.Length ?? 0) / 32)));
        int start = 0, end = text.Length;
        while (atStart && start < end && IsOut(text[start]))
        {
            start++;
        }
        while (atEnd && end > start && IsOut(text[end - 1]))
        {
            end--;
        }
        return text[start..end];
    }

    /// <summary>A text with parts of it replaced.</summary>
    /// <param name="most">how many; below 0: all</param>
    public static string Replaced(Rendering rendering, string text, string old, string by, int most)
    {
        rendering.ChargeSearch(text, old);
        int times = old.Length == 0 ? Characters.Count(text) + 1 : StringSplit.CountOf(text, old);
        times = most < 0 ? times : Math.Min(times, most);
        rendering.Charge(text.Length + ((long)times * by.Length));
        var result = new StringBuilder();
        int at = 0;
        for (; times > 0; times--)
        {
            int next = old.Length > 0 ? text.IndexOf(old, at, StringComparison.Ordinal) : at;
            result.Append(text, at, next - at).Append(by);
            at = next + old.Length;
            if (old.Length == 0 && at < text.Length)
            {
                int size = char.IsHighSurrogate(text[at]) ? 2 : 1;
                result.Append(text, at, size);
                at += size;
            }
        }
        return result.Append(text, at, text.Length - at).ToString();
    }

    /// <summary>Python's str.join.</summary>
    private static string Joined(Rendering rendering, string separator, object? items)
    {
        var result = new StringBuilder();
        bool isFirst = true;
        foreach (object? item in Values.Iterate(rendering, items))
        {
            string text = item as string ?? throw TemplateFault.Expected("join() needs strs", item);
            rendering.Charge(separator.Length + text.Length);
            result.Append(isFirst ? "" : separator).Append(text);
            isFirst = false;
        }
        return result.ToString();
    }

    private static char Fill(BoundArguments a) => a.Text(1, " ") is [var fill] ? fill
        : throw new TemplateFault("the character to fill with is not one character");

    private static string Pad(Rendering rendering, string text, BoundArguments a)
    {
        int missing = Math.Max(0, a.Int(0) - Characters.Count(text));
        rendering.Charge(text.Length + missing);
        return new string(Fill(a), missing);
    }

    private static string Zeros(Rendering rendering, string text, int width)
    {
        int missing = Math.Max(0, width - Characters.Count(text));
        rendering.Charge(text.Length + missing);
        string zeros = new('0', missing);
        return text is ['-' or '+', ..] ? text[0] + zeros + text[1..] : zeros + text;
    }

    private static SequenceValue Partition(Rendering rendering, string text, string separator, bool fromEnd)
    {
        rendering.ChargeSearch(text, separator);
        if (separator.Length == 0)
        {
            throw new TemplateFault("the separator is empty");
        }
        int at = fromEnd ? text.LastIndexOf(separator, StringComparison.Ordinal) : text.IndexOf(separator, StringComparison.Ordinal);
        string[] parts = at >= 0 ? [text[..at], separator, text[(at + separator.Length)..]] : fromEnd ? ["", "", text] : [text, "", ""];
        rendering.Charge(text.Length);
        return rendering.List(parts, isTuple: true);
    }

    private static bool HasEnd(Rendering rendering, object? self, BoundArguments a, Func<string, string, bool> test)
    {
        (string text, _, bool exists) = Range(rendering, self, a);
        string[] ends = a[0] is SequenceValue { IsTuple: true } several ? [.. several.Items.Select(item => item as string
            ?? throw new TemplateFault("startswith() and endswith() take a str or a tuple of them"))] : [a.Text(0)];
        return exists && ends.Any(end =>
        {
            rendering.Charge(end.Length / 8);
            return test(text, end);
        });
    }

    /// <summary>The part of a text between the arguments start and end.</summary>
    private static (string Text, int Start, bool Exists) Range(Rendering rendering, object? self, BoundArguments a)
    {
        string text = Of(self);
        if (!a.IsSet(1) && !a.IsSet(2))
        {
            return (text, 0, true);
        }
        int length = Characters.Count(text);
        int At(int i, int missing) => !a.IsSet(i) ? missing : a.Int(i) is var at && at < 0 ? Math.Max(0, length + at) : at;
        int start = At(1, 0), end = Math.Min(length, At(2, length));
        return start <= end ? (rendering.Made(Characters.Slice(text, start, end)), start, true) : ("", 0, false);
    }

    private static int Find(Rendering rendering, object? self, BoundArguments a, bool fromEnd)
    {
        (string text, int start, bool exists) = Range(rendering, self, a);
        string part = a.Text(0);
        rendering.ChargeSearch(text, part);
        int at = !exists ? -1 : fromEnd ? part.Length == 0 ? text.Length : text.LastIndexOf(part, StringComparison.Ordinal)
            : text.IndexOf(part, StringComparison.Ordinal);
        return at < 0 ? -1 : start + Characters.FromUnit(text, at);
    }

    private static BigInteger Found(int at) => at >= 0 ? at : throw new TemplateFault("the text does not contain what is looked for");

    private static BigInteger Count(Rendering rendering, string text, string part)
    {
        rendering.ChargeSearch(text, part);
        return part.Length == 0 ? Characters.Count(text) + 1 : StringSplit.CountOf(text, part);
    }

    private static bool All(Rendering rendering, object? self, Func<Rune, bool> test) =>
        rendering.Made(Of(self)) is { Length: > 0 } text && text.EnumerateRunes().All(test);

    private static bool IsCase(Rendering rendering, object? self, UnicodeCategory wanted, UnicodeCategory other)
    {
        HashSet<UnicodeCategory> found = [.. rendering.Made(Of(self)).EnumerateRunes().Select(Rune.GetUnicodeCategory)];
        return found.Contains(wanted) && !found.Contains(other) && !found.Contains(UnicodeCategory.TitlecaseLetter);
    }

    /// <summary>Letters behind others small, the first ones large.</summary>
    private static string Titled(string text)
    {
        var result = new StringBuilder(text.Length);
        bool isInside = false;
        foreach (char c in text)
        {
            result.Append(isInside ? char.ToLowerInvariant(c) : char.ToUpperInvariant(c));
            isInside = char.IsLetter(c) && (char.IsUpper(c) || char.IsLower(c));
        }
        return result.ToString();
    }

    /// <summary>str.format with values in braces; what more a format can say is not supported.</summary>
    private static string Formatted(Rendering rendering, string format, Arguments arguments)
    {
        var result = new StringBuilder();
        var named = arguments.Named.ToDictionary(argument => argument.Name, argument => argument.Value, StringComparer.Ordinal);
        int next = 0;
        for (int i = 0; i < format.Length; i++)
        {
            char c = format[i];
            if (c is '{' or '}' && i + 1 < format.Length && format[i + 1] == c)
            {
                result.Append(c);
                i++;
                continue;
            }
            if (c is not ('{' or '}'))
            {
                result.Append(c);
                continue;
            }
            int close = c == '{' ? format.IndexOf('}', i) : -1;
            string name = close < 0 ? throw new TemplateFault("the braces of a format are not in pairs") : format[(i + 1)..close];
            if (name.AsSpan().IndexOfAny(".[:!{") >= 0)
            {
                throw TemplateFault.Unsupported($"the field {{{name}}} of a format");
            }
            bool isIndex = int.TryParse(name.Length == 0 ? $"{next++}" : name, CultureInfo.InvariantCulture, out int index);
            object? value = isIndex && index < arguments.Positional.Count ? arguments.Positional[index]
                : named.TryGetValue(name, out object? given) ? given : throw new TemplateFault($"a format has no value for {{{name}}}");
            result.Append(rendering.Made(Values.Text(rendering, value)));
            i = close;
        }
        return rendering.Made(result.ToString());
    }
}
