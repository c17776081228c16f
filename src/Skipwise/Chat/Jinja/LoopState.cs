using System.Numerics;

namespace Skipwise.Chat.Jinja;

/// <summary>The variable loop: the items of a loop, one asked for ahead where the template looks ahead.</summary>
/// <param name="items">what is iterated</param>
internal sealed class LoopState(IEnumerable<object?> items) : IDisposable
{
    private readonly IEnumerator<object?> _source = items.GetEnumerator();
    private readonly Queue<object?> _ahead = [];
    private object? _previous = new Undefined("there is no previous item");
    private object?[]? _changed;
    private int _index = -1;

    /// <summary>The item of this turn.</summary>
    public object? Item { get; private set; }

    /// <summary>Number of all items.</summary>
    public int Length
    {
        get
        {
            while (FetchOne())
            {
            }
            return _index + 1 + _ahead.Count;
        }
    }

    /// <summary>Moves to the next item.</summary>
    /// <returns>false if there is none</returns>
    public bool Next()
    {
        if (!HasNext)
        {
            return false;
        }
        _previous = _index >= 0 ? Item : _previous;
        Item = _ahead.Dequeue();
        _index++;
        return true;
    }

    /// <summary>An attribute of loop.</summary>
    /// <returns>false if there is none of that name</returns>
    public bool TryGet(string name, out object? value)
    {
        value = name switch
        {
            "index" => Number(_index + 1),
            "index0" => Number(_index),
            "revindex" => Number(Length - _index),
            "revindex0" => Number(Length - _index - 1),
            "length" => Number(Length),
            "first" => _index == 0,
            "last" => !HasNext,
            "previtem" => _previous,
            "nextitem" => HasNext ? _ahead.Peek() : new Undefined("there is no next item"),
            "depth" => Number(1),
            "depth0" => Number(0),
            "cycle" => new Function("cycle", Cycle),
            "changed" => new Function("changed", Changed),
            _ => BoundArguments.Missing,
        };
        return value != BoundArguments.Missing;
    }

    /// <inheritdoc/>
    public void Dispose() => _source.Dispose();

    private bool HasNext => _ahead.Count > 0 || FetchOne();

    private bool FetchOne()
    {
        if (!_source.MoveNext())
        {
            return false;
        }
        _ahead.Enqueue(_source.Current);
        return true;
    }

    private static BigInteger Number(int value) => value;

    private object? Cycle(Rendering rendering, Arguments arguments) => arguments.Positional.Count > 0
        ? arguments.Positional[_index % arguments.Positional.Count] : throw new TemplateFault("cycle() has nothing to cycle through");

    private object? Changed(Rendering rendering, Arguments arguments)
    {
        object?[] values = [.. arguments.Positional];
        bool isSame = _changed is { } last && last.Length == values.Length
            && last.Zip(values).All(pair => Values.Equal(rendering, pair.First, pair.Second));
        _changed = values;
        return !isSame;
    }
}
