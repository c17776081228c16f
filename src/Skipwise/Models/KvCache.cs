using Skipwise.Runtime;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Models;

/// <summary>
/// Rotated keys and values of the tokens so far, so that a prompt is prefilled once. Memory for <see cref="Capacity"/> tokens is allocated
/// at the start; one forward appends its tokens in every layer and then calls <see cref="Advance"/>.
/// </summary>
public sealed class KvCache : IDisposable
{
    // B batch, K kv heads, S capacity, D head dim

    private readonly Tensor[] _keys; // one [B, K, S, D] per layer
    private readonly Tensor[] _values;

    /// <summary>Creates an empty cache.</summary>
    public KvCache(DecoderConfig config, int batch, int capacity, ScalarType dtype, Device device)
    {
        Capacity = capacity;
        Tensor Allocate() => empty([batch, config.NumKeyValueHeads, capacity, config.HeadDim], dtype, device).DetachFromDisposeScope();
        _keys = [.. Enumerable.Range(0, config.NumHiddenLayers).Select(_ => Allocate())];
        _values = [.. Enumerable.Range(0, config.NumHiddenLayers).Select(_ => Allocate())];
    }

    /// <summary>
    /// Largest batch of rows of the given capacity: what fits in 256 MB, or in an eighth of a GPU's memory, from 1 to 64.
    /// </summary>
    public static int MaxBatchSize(DecoderConfig config, ScalarType dtype, Device device, int capacity)
    {
        long bytesPerToken = 2L * config.NumHiddenLayers * config.NumKeyValueHeads * config.HeadDim * dtype.ElementSize();
        return (int)Math.Clamp(WorkBudget.For(device).CacheBytes / (bytesPerToken * capacity), 1, 64);
    }

    /// <summary>capacity in tokens, per row</summary>
    public int Capacity { get; }

    /// <summary>tokens of earlier forwards</summary>
    public int Length { get; private set; }

    /// <summary>Stores a layer's new keys and values [B, K, T, D] and returns all of that layer's so far [B, K, Length + T, D].</summary>
    internal (Tensor Keys, Tensor Values) Append(int layer, Tensor keys, Tensor values)
    {
        long added = keys.size(2), total = Length + added;
        if (total > Capacity)
        {
            throw new InvalidOperationException($"The cache holds {Capacity} tokens at most; {total} were appended.");
        }
        using (var scope = NewDisposeScope())
        {
            _keys[layer].narrow(2, Length, added).copy_(keys);
            _values[layer].narrow(2, Length, added).copy_(values);
        }
        return (_keys[layer].narrow(2, 0, total), _values[layer].narrow(2, 0, total));
    }

    /// <summary>Advances by the tokens of the forward that has appended to every layer.</summary>
    internal void Advance(int tokens) => Length += tokens;

    /// <summary>Drops the tokens from <paramref name="length"/> on, so that another continuation of the same prefix can follow.</summary>
    public void Crop(int length)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, Length);
        Length = length;
    }

    /// <summary>
    /// Copies a row of another cache into a row of this one and takes over its length: another continuation of a text that was prefilled
    /// once. All rows of a cache must have the same length.
    /// </summary>
    /// <param name="source">cache of the same model, no longer than this one's capacity</param>
    /// <param name="from">row of the source</param>
    /// <param name="to">row of this cache</param>
    public void CopyRow(KvCache source, int from, int to)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(source.Length, Capacity, nameof(source));
        using var scope = NewDisposeScope();
        Tensor Part(Tensor tensor, int row) => tensor.narrow(0, row, 1).narrow(2, 0, source.Length);
        for (int layer = 0; layer < _keys.Length; layer++)
        {
            Part(_keys[layer], to).copy_(Part(source._keys[layer], from));
            Part(_values[layer], to).copy_(Part(source._values[layer], from));
        }
        Length = source.Length;
    }

    /// <summary>Frees keys and values.</summary>
    public void Dispose()
    {
        foreach (Tensor tensor in _keys.Concat(_values))
        {
            tensor.Dispose();
        }
    }
}
