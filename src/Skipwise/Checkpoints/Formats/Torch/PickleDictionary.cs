namespace Skipwise.Checkpoints.Formats.Torch;

/// <summary>A dictionary in insertion order. An empty one takes little memory, because a file may hold very many.</summary>
internal sealed class PickleDictionary
{
    private List<KeyValuePair<object?, object?>>? _items;

    public IReadOnlyList<KeyValuePair<object?, object?>> Items => _items ?? [];

    public void Add(object? key, object? value) => (_items ??= []).Add(KeyValuePair.Create(key, value));
}
