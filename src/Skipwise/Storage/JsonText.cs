using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Skipwise.Storage;

/// <summary>JSON that comes from elsewhere.</summary>
public static class JsonText
{
    /// <summary>A value that is there.</summary>
    /// <exception cref="JsonException">the text is no JSON, or something else</exception>
    /// <param name="nullItems">a list may hold null; .NET's reader does not ask, whatever the type of the items says</param>
    public static T Deserialize<T>(string json, JsonSerializerOptions options, bool nullItems = false)
    {
        RequireUnicode(json);
        if (!nullItems)
        {
            RequireItems(json);
        }
        return JsonSerializer.Deserialize<T>(json, options) ?? throw new JsonException("found null.");
    }

    /// <summary>
    /// Refuses half of a surrogate pair that is written as an escape, \ud800: it is no Unicode text, and .NET's reader would stumble
    /// over it only where the value or the key is asked for.
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
            at = Math.Min(json.Length, at + (isPair ? 12 : 2)); // past the escape's letter: a second backslash begins nothing
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

    /// <summary>The UTF-16 unit that \uXXXX stands for; null if the text does not begin with one.</summary>
    private static char? Escaped(ReadOnlySpan<char> text) =>
        text is ['\\', 'u', _, _, _, _, ..]
            && ushort.TryParse(text.Slice(2, 4), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ushort unit)
            ? (char)unit : null;
}
