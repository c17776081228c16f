namespace Skipwise.Chat.Jinja;

/// <summary>A list or a tuple. It never changes: transformers' sandbox forbids the methods that would change a list.</summary>
internal sealed class SequenceValue(IReadOnlyList<object?> items, bool isTuple = false)
{
    /// <summary>Its items.</summary>
    public IReadOnlyList<object?> Items => items;

    /// <summary>Whether it is a tuple.</summary>
    public bool IsTuple => isTuple;
}
