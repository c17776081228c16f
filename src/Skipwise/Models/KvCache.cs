using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Models;

/// <summary>
/// Rotated keys and values of the tokens read so far, so that a prompt is read once. Room for <see cref="Capacity"/> tokens
/// is taken at the start; one forward appends its tokens in every layer and then calls <see cref="Advance"/>.
/// </summary>
public sealed class KvCache : IDisposable
{
    // B batch, K kv heads, S capacity, D head dim
    private readonly Tensor[] _keys; // one [B, K, S, D] per layer
    private readonly Tensor[] _values;

    public KvCache(DecoderConfig config, int batch, int capacity, ScalarType dtype, Device device)
    {
        Capacity = capacity;
        Tensor Room() => empty([batch, config.NumKeyValueHeads, capacity, config.HeadDim], dtype, device).DetachFromDisposeScope();
        _keys = [.. Enumerable.Range(0, config.NumHiddenLayers).Select(_ => Room())];
        _values = [.. Enumerable.Range(0, config.NumHiddenLayers).Select(_ => Room())];
    }

    private KvCache(Tensor[] keys, Tensor[] values, int capacity) => (_keys, _values, Capacity) = (keys, values, capacity);

    public int Capacity { get; }

    /// <summary>tokens read by the forwards before this one</summary>
    public int Length { get; private set; }

    /// <summary>Stores a layer's new keys and values [B, K, T, D] and returns all of that layer's so far [B, K, Length + T, D].</summary>
    internal (Tensor Keys, Tensor Values) Append(int layer, Tensor keys, Tensor values)
    {
        long added = keys.size(2), total = Length + added;
        if (total > Capacity)
        {
            throw new InvalidOperationException($"The cache has room for {Capacity} tokens; {total} were read.");
        }
        using (var scope = NewDisposeScope())
        {
            _keys[layer].narrow(2, Length, added).copy_(keys);
            _values[layer].narrow(2, Length, added).copy_(values);
        }
        return (_keys[layer].narrow(2, 0, total), _values[layer].narrow(2, 0, total));
    }

    /// <summary>Counts the tokens of the forward that has just appended to every layer.</summary>
    internal void Advance(int tokens) => Length += tokens;

    /// <summary>A cache of its own that continues some rows of this one: several continuations of one text, which was read once.</summary>
    /// <param name="rows">which row of this cache each row of the new one continues</param>
    /// <param name="capacity">tokens the new one has room for, those of this one included</param>
    public KvCache Branch(IReadOnlyList<int> rows, int capacity)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(capacity, Length);
        using var scope = NewDisposeScope();
        Tensor index = tensor(rows.Select(row => (long)row).ToArray(), dtype: ScalarType.Int64, device: _keys[0].device);
        Tensor[] Grown(Tensor[] rooms) => [.. rooms.Select(room =>
        {
            using var layer = NewDisposeScope();
            Tensor grown = empty([rows.Count, room.size(1), capacity, room.size(3)], room.dtype, room.device);
            grown.narrow(2, 0, Length).copy_(room.narrow(2, 0, Length).index_select(0, index));
            return grown.DetachFromDisposeScope();
        })];
        return new KvCache(Grown(_keys), Grown(_values), capacity) { Length = Length };
    }

    /// <summary>Forgets the tokens from <paramref name="length"/> on, so that another continuation of the same prefix can be read.</summary>
    public void Rewind(int length)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, Length);
        Length = length;
    }

    /// <summary>Puts the tokens that a cache of one row holds into a row of this one, which then counts as many; the rows have to be filled alike.</summary>
    /// <param name="source">of the same model, with one row</param>
    /// <param name="row">0..B - 1</param>
    public void CopyRow(KvCache source, int row)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(source.Length, Capacity, nameof(source));
        using var scope = NewDisposeScope();
        for (int layer = 0; layer < _keys.Length; layer++)
        {
            _keys[layer].narrow(0, row, 1).narrow(2, 0, source.Length).copy_(source._keys[layer].narrow(2, 0, source.Length));
            _values[layer].narrow(0, row, 1).narrow(2, 0, source.Length).copy_(source._values[layer].narrow(2, 0, source.Length));
        }
        Length = source.Length;
    }

    public void Dispose()
    {
        foreach (Tensor room in _keys.Concat(_values))
        {
            room.Dispose();
        }
    }
}
