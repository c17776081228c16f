using System.Diagnostics.CodeAnalysis;

namespace Skipwise.Storage.Gguf;

/// <summary>The metadata of a GGUF file: values by key, in the order of the file.</summary>
internal sealed class GgufMetadata
{
    /// <summary>key of the alignment of tensors in bytes</summary>
    public const string AlignmentKey = "general.alignment";

    /// <summary>the alignment of a file that states none</summary>
    public const int DefaultAlignment = 32;

    private readonly OrderedDictionary<string, object> _values = [];

    /// <summary>
    /// The values. A value is a byte, sbyte, ushort, short, uint, int, float, bool, string, ulong, long or double, or a one-dimensional
    /// array of one of them.
    /// </summary>
    public IReadOnlyDictionary<string, object> Values => _values;

    /// <summary>Adds a value; null adds nothing.</summary>
    /// <param name="value">see <see cref="Values"/></param>
    public void Add(string key, object? value)
    {
        if (value is not null)
        {
            _values.Add(key, value);
        }
    }

    /// <summary>Adds a value that a file holds.</summary>
    /// <returns>false if the key is there already</returns>
    public bool TryAdd(string key, object value) => _values.TryAdd(key, value);

    /// <summary>The value of a key, if it has this type.</summary>
    public bool TryGet<T>(string key, [NotNullWhen(true)] out T? value)
    {
        value = _values.TryGetValue(key, out object? found) && found is T typed ? typed : default;
        return value is not null && found is T;
    }
}
