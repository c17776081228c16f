namespace Skipwise.Checkpoints.Torch;

/// <summary>A name in a pickle: all that is known of it is how to spell it.</summary>
internal sealed record PickleGlobal(string Name);

/// <summary>A dictionary in the order of its keys. Empty ones are small, since a file may hold very many.</summary>
internal sealed class PickleDictionary
{
    private List<KeyValuePair<object?, object?>>? _items;

    public IReadOnlyList<KeyValuePair<object?, object?>> Items => _items ?? [];

    public void Add(object? key, object? value) => (_items ??= []).Add(KeyValuePair.Create(key, value));
}

/// <summary>The elements of one or several tensors: record <c>data/KEY</c> of the archive.</summary>
internal sealed record PickleStorage(StoredType Type, string Key, long Count);

/// <summary>A view on a storage; offset and strides in elements.</summary>
internal sealed record PickleTensor(PickleStorage Storage, long Offset, IReadOnlyList<long> Sizes, IReadOnlyList<long> Strides);
