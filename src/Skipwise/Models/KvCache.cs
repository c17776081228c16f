using Skipwise.Runtime;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Models;

/// <summary>
/// Rotated keys and values of the tokens so far, so that a prompt is prefilled once. Memory for <see cref="Capacity"/> tokens is allocated
/// at the start; one forward appends its tokens in every layer and then calls <see cref="Advance"/>.
/// </summary>
/// <remarks>
/// Each row has its own length; token i of a row is in slot i. A forward appends the same number of tokens to each row. To prefill texts of
/// different lengths in one forward, pad the shorter ones at the end and drop the padding with <see cref="CropRow"/>: attention is causal,
/// so no token of a text attends to it. Slots beyond a row's length are masked, and overwritten by its next tokens.
/// </remarks>
public sealed class KvCache : IDisposable
{
    // B batch, K kv heads, S capacity, D head dim, T new tokens

    private readonly Tensor[] _keys; // one [B, K, S, D] per layer
    private readonly Tensor[] _values;
    private int[] _lengths; // tokens per row
    private Tensor? _slots; // int64 [B, 1, T, 1], slots of the next tokens of rows of different lengths; null: not computed yet
    private bool _isCleared; // no slot is uninitialised memory

    /// <summary>Creates an empty cache.</summary>
    public KvCache(DecoderConfig config, int batch, int capacity, ScalarType dtype, Device device)
    {
        (Capacity, _lengths) = (capacity, new int[batch]);
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

    /// <summary>tokens of earlier forwards in the longest row</summary>
    public int Length { get; private set; }

    /// <summary>tokens of earlier forwards in each row</summary>
    public IReadOnlyList<int> Lengths => _lengths;

    /// <summary>Whether rows have different lengths.</summary>
    public bool IsRagged { get; private set; }

    /// <summary>Positions of the tokens of the next forward: they start at each row's length.</summary>
    /// <param name="tokens">T</param>
    /// <returns>int64 [B, T] on the cache's device; [1, T] if all rows have the same length</returns>
    public Tensor NextPositions(int tokens)
    {
        using var scope = NewDisposeScope();
        Device device = _keys[0].device;
        Tensor positions = IsRagged
            ? HostToDevice.Copy(tensor(Array.ConvertAll(_lengths, length => (long)length)), device).unsqueeze(1)
                + arange(tokens, dtype: ScalarType.Int64, device: device)
            : arange(Length, Length + tokens, dtype: ScalarType.Int64, device: device).unsqueeze(0);
        return positions.MoveToOuterDisposeScope();
    }

    /// <summary>
    /// Stores a layer's new keys and values [B, K, T, D] at the end of each row, and returns all of the layer's [B, K, Length + T, D].
    /// Slots beyond a shorter row's end hold finite numbers.
    /// </summary>
    internal (Tensor Keys, Tensor Values) Append(int layer, Tensor keys, Tensor values)
    {
        long added = keys.size(2), total = Length + added;
        if (total > Capacity)
        {
            throw new InvalidOperationException($"The cache holds {Capacity} tokens at most; {total} were appended.");
        }
        if (IsRagged)
        {
            using var scope = NewDisposeScope();
            ClearUnused();
            _slots ??= NextPositions((int)added).view(-1, 1, added, 1).DetachFromDisposeScope();
            Tensor slots = _slots.expand(keys.shape);
            _keys[layer].scatter_(2, slots, keys);
            _values[layer].scatter_(2, slots, values);
        }
        else
        {
            using var scope = NewDisposeScope();
            _keys[layer].narrow(2, Length, added).copy_(keys);
            _values[layer].narrow(2, Length, added).copy_(values);
        }
        return (_keys[layer].narrow(2, 0, total), _values[layer].narrow(2, 0, total));
    }

    /// <summary>Advances every row by the tokens of the forward that has appended to every layer.</summary>
    internal void Advance(int tokens) => SetLengths(Array.ConvertAll(_lengths, length => length + tokens));

    /// <summary>Drops the tokens of every row from <paramref name="length"/> on, so that another continuation of the same prefix can
    /// follow.</summary>
    public void Crop(int length)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, Length);
        SetLengths(Array.ConvertAll(_lengths, before => Math.Min(before, length)));
    }

    /// <summary>Drops the tokens of one row from <paramref name="length"/> on.</summary>
    public void CropRow(int row, int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, _lengths[row]);
        SetLength(row, length);
    }

    /// <summary>Keeps only these rows, in this order. Drops texts that have ended; a row given twice has two continuations.</summary>
    /// <param name="rows">current indices, at least one</param>
    public void SelectRows(IReadOnlyList<int> rows)
    {
        ArgumentOutOfRangeException.ThrowIfZero(rows.Count, nameof(rows));
        int[] lengths = [.. rows.Select(row => _lengths[row])];
        using var scope = NewDisposeScope();
        Tensor index = HostToDevice.Copy(tensor(rows.Select(row => (long)row).ToArray()), _keys[0].device);
        foreach (Tensor[] layers in (Tensor[][])[_keys, _values])
        {
            for (int layer = 0; layer < layers.Length; layer++) // one layer is copied at a time
            {
                Tensor kept = layers[layer].index_select(0, index).DetachFromDisposeScope();
                layers[layer].Dispose();
                layers[layer] = kept;
            }
        }
        SetLengths(lengths);
    }

    /// <summary>
    /// Copies a row of another cache into a row of this one and takes over its length: another continuation of a text that was prefilled
    /// once.
    /// </summary>
    /// <param name="source">cache of the same model, no longer than this one's capacity</param>
    /// <param name="from">row of the source</param>
    /// <param name="to">row of this cache</param>
    public void CopyRow(KvCache source, int from, int to)
    {
        int length = source._lengths[from];
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, Capacity, nameof(source));
        using var scope = NewDisposeScope();
        Tensor Part(Tensor tensor, int row) => tensor.narrow(0, row, 1).narrow(2, 0, length);
        for (int layer = 0; layer < _keys.Length; layer++)
        {
            Part(_keys[layer], to).copy_(Part(source._keys[layer], from));
            Part(_values[layer], to).copy_(Part(source._values[layer], from));
        }
        SetLength(to, length);
    }

    /// <summary>Frees keys and values.</summary>
    public void Dispose()
    {
        foreach (Tensor tensor in _keys.Concat(_values))
        {
            tensor.Dispose();
        }
        _slots?.Dispose();
    }

    private void SetLength(int row, int length)
    {
        int[] lengths = [.. _lengths];
        lengths[row] = length;
        SetLengths(lengths);
    }

    private void SetLengths(int[] lengths)
    {
        (_lengths, Length) = (lengths, lengths.Max());
        IsRagged = lengths.Min() != Length;
        _slots?.Dispose();
        _slots = null;
    }

    /// <summary>
    /// Fills unused slots with zeros, once. Attention reads a shorter row's unused slots with probability 0, but 0 times uninitialised
    /// memory may be NaN. Rows of the same length do not need it.
    /// </summary>
    private void ClearUnused()
    {
        for (int row = 0; row < _lengths.Length && !_isCleared; row++)
        {
            foreach (Tensor tensor in _keys.Concat(_values))
            {
                tensor[row].narrow(1, _lengths[row], Capacity - _lengths[row]).zero_();
            }
        }
        _isCleared = true;
    }
}
