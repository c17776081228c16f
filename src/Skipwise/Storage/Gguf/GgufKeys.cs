using System.Globalization;
using static System.FormattableString;

namespace Skipwise.Storage.Gguf;

/// <summary>Typed reading of a file's metadata. A missing key or a value of another type is an error that names file and key.</summary>
/// <param name="path">of the file, for error messages</param>
/// <param name="metadata">its values by key</param>
internal sealed class GgufKeys(string path, GgufMetadata metadata)
{
    /// <summary>path of the file</summary>
    public string Path => path;

    /// <summary>Reads the metadata of a file.</summary>
    /// <inheritdoc cref="GgufStart.Read" path="/exception"/>
    public static GgufKeys Read(string path) => new(path, GgufStart.Read(path));

    /// <summary>The keys in the order of the file.</summary>
    public IEnumerable<string> All => metadata.Values.Keys;

    /// <summary>Whether there is such a key.</summary>
    public bool Has(string key) => metadata.Values.ContainsKey(key);

    /// <summary>A text; null if the key is missing.</summary>
    /// <exception cref="SkipwiseException">it is no text</exception>
    public string? Text(string key) => !metadata.Values.TryGetValue(key, out object? value) ? null
        : value as string ?? throw Error(key, $"is {Describe(value)}, expected a text");

    /// <summary>A truth value.</summary>
    /// <param name="missing">the value if there is none</param>
    /// <exception cref="SkipwiseException">it is of another type</exception>
    public bool Truth(string key, bool missing) => !metadata.Values.TryGetValue(key, out object? value) ? missing
        : value as bool? ?? throw Error(key, $"is {Describe(value)}, expected true or false");

    /// <summary>A whole number of any width; null if the key is missing. A list of equal numbers, one per layer, is that number.</summary>
    /// <param name="most">largest valid value: a damaged file must not claim all memory</param>
    /// <param name="least">smallest valid value</param>
    /// <exception cref="SkipwiseException">it is of another type, or beyond the bounds</exception>
    public int? Count(string key, int most, int least = 1)
    {
        if (!metadata.Values.TryGetValue(key, out object? value))
        {
            return null;
        }
        if (value is Array { Length: > 0 } list)
        {
            value = list.Cast<object>().Distinct().Count() == 1 ? list.GetValue(0)!
                : throw Error(key, "differs from layer to layer, and only equal layers are supported");
        }
        if (value is Array or string or bool or float or double)
        {
            throw Error(key, $"is {Describe(value)}, expected a whole number");
        }
        decimal number = Convert.ToDecimal(value, CultureInfo.InvariantCulture);
        return number >= least && number <= most ? (int)number : throw Error(key, Invariant($"is {number}, expected {least} to {most}"));
    }

    /// <summary>A whole number.</summary>
    /// <exception cref="SkipwiseException">the key is missing, or as for <see cref="Count"/></exception>
    public int Required(string key, int most) => Count(key, most) ?? throw Error(key, "missing");

    /// <summary>
    /// A number; null if the key is missing. Of a float32 it is the shortest decimal fraction that rounds to it, because that is what its
    /// writer rounded: 1e-06, not 9.999999974752427e-07.
    /// </summary>
    /// <exception cref="SkipwiseException">it is no finite floating-point number</exception>
    public double? Number(string key)
    {
        if (!metadata.Values.TryGetValue(key, out object? value))
        {
            return null;
        }
        double? number = value is float narrow ? Shortest(narrow) : value as double?;
        return number is { } finite && double.IsFinite(finite) ? finite : throw Error(key, $"is {Describe(value)}, expected a number");
    }

    /// <summary>A list; null if the key is missing.</summary>
    /// <exception cref="SkipwiseException">it is no list of this type</exception>
    public T[]? List<T>(string key) => !metadata.Values.TryGetValue(key, out object? value) ? null
        : value as T[] ?? throw Error(key, $"is {Describe(value)}, expected a list of {typeof(T).Name}");

    /// <summary>An error at a key.</summary>
    /// <param name="remedy">what the user can do; null: load the model's folder instead</param>
    public SkipwiseException Error(string key, string complaint, string? remedy = null) =>
        new($"{path}: key {key}: {complaint}. {remedy ?? "Load the Hugging Face folder that the file was made from"}");

    /// <summary>Checks that the file is one of a model: an adapter's has no tokenizer, no configuration and no whole weight.</summary>
    /// <exception cref="SkipwiseException">it says that it is something else</exception>
    public void RequireModel()
    {
        const string key = "general.type";
        if (Text(key) is { } type && type != "model")
        {
            throw Error(key, $"is \"{type}\", expected \"model\"",
                type == "adapter" ? "Name the file of its base model" : "Name the file of a model");
        }
    }

    /// <summary>The shortest decimal fraction that rounds to a float32.</summary>
    public static double Shortest(float number) =>
        double.Parse(number.ToString("R", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);

    private static string Describe(object value) => value is Array list ? $"a list of {list.Length}"
        : value is string text ? $"\"{text}\"" : Convert.ToString(value, CultureInfo.InvariantCulture)!;
}
