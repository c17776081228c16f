using System.Text.Json;

namespace Skipwise.Storage;

/// <summary>
/// A JSON value with its file and its path in it, which every error names. All errors are <see cref="SkipwiseException"/>.
/// </summary>
internal readonly struct LocatedJson
{
    private static readonly JsonDocumentOptions s_row = new() { AllowDuplicateProperties = false };
    private readonly string _file;
    private readonly string _path;
    private readonly JsonElement _element;

    private LocatedJson(string file, string path, JsonElement element) => (_file, _path, _element) = (file, path, element);

    public static LocatedJson Read(string path)
    {
        try
        {
            return new LocatedJson(path, "$", Parsed(InputFile.ReadText(path)));
        }
        catch (JsonException e)
        {
            throw new SkipwiseException($"{path}: broken JSON in line {e.LineNumber + 1}: {e.Message}", e);
        }
    }

    /// <summary>Parses a value in a text, such as a line of a file; errors name <paramref name="place"/>.</summary>
    /// <exception cref="JsonException">the text is not JSON, or an object in it has two members of the same name</exception>
    public static LocatedJson Parse(string place, string json) => At(place, Parsed(json, s_row));

    /// <summary>Like <see cref="Parse"/>, for a value that has been parsed.</summary>
    public static LocatedJson At(string place, JsonElement element) => new(place, "$", element);

    /// <summary>The file, or the place given to <see cref="At"/>.</summary>
    public string File => _file;

    public JsonElement Element => _element;

    /// <summary>The value's JSON text.</summary>
    public string Raw => _element.GetRawText();

    public bool IsText => _element.ValueKind == JsonValueKind.String;
    public bool IsNumber => _element.ValueKind == JsonValueKind.Number;
    public bool IsArray => _element.ValueKind == JsonValueKind.Array;
    public bool IsObject => _element.ValueKind == JsonValueKind.Object;
    public bool IsTruth => _element.ValueKind is JsonValueKind.True or JsonValueKind.False;

    public string Text => IsText ? _element.GetString()! : throw Wrong("a string");

    public bool Truth => _element.ValueKind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => throw Wrong("true or false"),
    };

    public int Number => IsNumber && _element.TryGetInt32(out int value) ? value : throw Wrong("an integer");

    /// <summary>The member of that name; null if it is missing or JSON null.</summary>
    public LocatedJson? Find(string name)
    {
        if (!IsObject)
        {
            throw Wrong("an object");
        }
        return _element.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null
            ? new LocatedJson(_file, $"{_path}.{name}", value)
            : null;
    }

    public LocatedJson Get(string name) => Find(name) ?? throw Error($"has no \"{name}\"");

    public bool Flag(string name, bool defaultValue) => Find(name)?.Truth ?? defaultValue;

    /// <summary>Parses a string that contains a list or an object, as in a cell of a table. Other values are returned unchanged.</summary>
    public LocatedJson Unfolded()
    {
        if (!IsText || Text.TrimStart() is not ['[' or '{', ..] text)
        {
            return this;
        }
        try
        {
            return new LocatedJson(_file, _path, Parsed(text));
        }
        catch (JsonException)
        {
            return this;
        }
    }

    public IEnumerable<LocatedJson> Items()
    {
        if (!IsArray)
        {
            throw Wrong("an array");
        }
        int index = 0;
        foreach (var item in _element.EnumerateArray())
        {
            yield return new LocatedJson(_file, $"{_path}[{index++}]", item);
        }
    }

    public IEnumerable<(string Name, LocatedJson Value)> Members()
    {
        if (!IsObject)
        {
            throw Wrong("an object");
        }
        foreach (var member in _element.EnumerateObject())
        {
            yield return (member.Name, new LocatedJson(_file, $"{_path}.{member.Name}", member.Value));
        }
    }

    public SkipwiseException Error(string complaint) => new($"{_file}: {_path} {complaint}");

    private static JsonElement Parsed(string json, JsonDocumentOptions options = default)
    {
        JsonText.RequireUnicode(json);
        using var document = JsonDocument.Parse(json, options);
        return document.RootElement.Clone();
    }

    private SkipwiseException Wrong(string expected) => Error($"is {_element.ValueKind} where {expected} was expected");
}
