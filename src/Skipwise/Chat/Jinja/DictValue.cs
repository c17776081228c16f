namespace Skipwise.Chat.Jinja;

/// <summary>A dict, in the order of insertion. It does not change once a template sees it.</summary>
internal sealed class DictValue
{
    private readonly OrderedDictionary<HashKey, object?> _items = [];

    /// <summary>Its items in order.</summary>
    public IEnumerable<(object? Key, object? Value)> Items => _items.Select(item => (item.Key.Value, item.Value));

    /// <summary>Their number.</summary>
    public int Count => _items.Count;

    /// <summary>Adds an item, or replaces the one of an equal key.</summary>
    public void Set(Rendering rendering, object? key, object? value)
    {
        rendering.Charge(2 * Rendering.ItemSize);
        _items[new HashKey(rendering, key)] = value;
    }

    /// <summary>Finds a value.</summary>
    public bool TryGet(Rendering rendering, object? key, out object? value) =>
        _items.TryGetValue(new HashKey(rendering, key), out value);
}
