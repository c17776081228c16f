using System.Globalization;
using System.Numerics;
using System.Text.Json;
using System.Text.Json.Nodes;
using Skipwise.Chat.Jinja;

namespace Skipwise.Chat;

/// <summary>Reads JSON as Python's json.loads does, into the values of a template.</summary>
internal static class JsonValues
{
    /// <summary>Reads a value.</summary>
    /// <exception cref="JsonException">it is nested more than 64 deep</exception>
    /// <exception cref="InvalidOperationException">a text is not Unicode: it has half of a surrogate pair</exception>
    public static object? Read(Rendering rendering, JsonNode? node) => Read(rendering, JsonSerializer.SerializeToElement(node));

    private static object? Read(Rendering rendering, JsonElement element)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.Object:
                var dict = new DictValue();
                foreach (JsonProperty member in element.EnumerateObject())
                {
                    dict.Set(rendering, member.Name, Read(rendering, member.Value));
                }
                return dict;
            case JsonValueKind.Array:
                return rendering.List(element.EnumerateArray().Select(item => Read(rendering, item)));
            case JsonValueKind.String:
                return element.GetString();
            case JsonValueKind.Number:
                string text = element.GetRawText();
                return text.AsSpan().IndexOfAny('.', 'e', 'E') >= 0 ? double.Parse(text, CultureInfo.InvariantCulture)
                    : text.Length <= Numbers.MostDigits ? BigInteger.Parse(text, CultureInfo.InvariantCulture)
                    : throw new TemplateFault($"a number in the messages has {text.Length} digits, at most {Numbers.MostDigits} are read");
            case JsonValueKind.True or JsonValueKind.False:
                return element.ValueKind == JsonValueKind.True;
            default:
                return null;
        }
    }
}
