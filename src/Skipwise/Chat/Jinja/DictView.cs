namespace Skipwise.Chat.Jinja;

/// <summary>What keys(), values() and items() of a dict return: it has a length and can be iterated, but not indexed.</summary>
/// <param name="Kind">keys, values or items</param>
internal sealed record DictView(string Kind, IReadOnlyList<object?> Items);
