using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Skipwise.Storage;

/// <summary>Reads JSON from other sources.</summary>
internal static class JsonText
{
    /// <summary>Reads a value that is not null.</summary>
    /// <exception cref="JsonException">the text is not JSON, or of another type</exception>
    /// <param name="nullItems">whether lists may contain null, which .NET's reader does not check</param>
    public static T Deserialize<T>(string json, JsonSerializerOptions options, bool nullItems = false)
    {
        RequireUnicode(json);
        if (!nullItems)
        {
            RequireItems(json);
        }
        try
        {
            return JsonSerializer.Deserialize<T>(json, options) ?? throw new JsonException("found null.");
        }
        catch (ArgumentException e) // of .NET's reader of a JsonObject
        {
            throw new JsonException($"an object has two members of one name: {e.Message}", e);
        }
    }

    /// <summary>
    /// Refuses an escaped lone surrogate, \ud800: it is not Unicode text, and .NET's reader would fail only when the value or the key is
    /// accessed.
    /// </summary>
    /// <exception cref="JsonException">there is one; names the line</exception>
    public static void RequireUnicode(ReadOnlySpan<char> json)
    {
        int at = 0;
        while (json[at..].IndexOf('\\') is var next and >= 0)
        {
            at += next;
            char? unit = Escaped(json[at..]);
            bool isPair = unit is { } high && char.IsHighSurrogate(high) && Escaped(json[(at + 6)..]) is { } low
                && char.IsLowSurrogate(low);
            if (!isPair && unit is { } half && char.IsSurrogate(half))
            {
                throw new JsonException($"The escape {json.Slice(at, 6)} is half of a surrogate pair without its other half.", null,
                    json[..at].Count('\n'), null);
            }
            at = Math.Min(json.Length, at + (isPair ? 12 : 2)); // past the escape's letter, because a second backslash begins no escape
        }
    }

    private static void RequireItems(string json)
    {
        var reader = new Utf8JsonReader(Encoding.UTF8.GetBytes(json));
        var isList = new Stack<bool>();
        while (reader.Read())
        {
            switch (reader.TokenType)
            {
                case JsonTokenType.StartArray or JsonTokenType.StartObject:
                    isList.Push(reader.TokenType == JsonTokenType.StartArray);
                    break;
                case JsonTokenType.EndArray or JsonTokenType.EndObject:
                    isList.Pop();
                    break;
                case JsonTokenType.Null when isList.TryPeek(out bool inList) && inList:
                    throw new JsonException("a list holds null.");
            }
        }
    }

    /// <summary>The UTF-16 unit of \u and four hexadecimal digits; null if the text does not begin with such an escape.</summary>
    private static char? Escaped(ReadOnlySpan<char> text) =>
        text is ['\\', 'u', _, _, _, _, ..]
            && ushort.TryParse(text.Slice(2, 4), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ushort unit)
            ? (char)unit : null;
}
