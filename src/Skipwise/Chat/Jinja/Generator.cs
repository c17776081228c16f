using System.Collections;

namespace Skipwise.Chat.Jinja;

/// <summary>The items of a filter such as map or select, each made when it is asked for, and once: it has no length, and a second loop
/// over it begins where the first one ended.</summary>
internal sealed class Generator(IEnumerable<object?> items) : IEnumerable<object?>
{
    private IEnumerator<object?>? _items;

    /// <inheritdoc/>
    public IEnumerator<object?> GetEnumerator()
    {
        _items ??= items.GetEnumerator();
        while (Next())
        {
            yield return _items.Current;
        }
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    private bool Next()
    {
        Values.RequireStack(); // a generator over a generator over a generator
        return _items!.MoveNext();
    }
}
