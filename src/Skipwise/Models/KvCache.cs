using Skipwise.Runtime;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Models;

/// <summary>
/// A cache with one tensor of keys and one of values per layer. Memory for <see cref="Capacity"/> tokens of each row is allocated at the
/// start.
/// </summary>
/// <remarks>Slots beyond a row's length are overwritten by its next tokens.</remarks>
public sealed class KvCache : IKvCache
{
    // B rows, K kv heads, S capacity, D head dim, T new tokens

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
        Bytes = BytesPerToken(config, dtype) * batch * capacity;
    }

    /// <summary>
    /// Largest batch of rows of the given capacity: what fits in 256 MB, or in an eighth of a GPU's memory, from 1 to 64.
    /// </summary>
    public static int MaxBatchSize(DecoderConfig config, ScalarType dtype, Device device, int capacity) =>
        (int)Math.Clamp(WorkBudget.For(device).CacheBytes / (BytesPerToken(config, dtype) * capacity), 1, 64);

    private static long BytesPerToken(DecoderConfig config, ScalarType dtype) =>
        2L * config.NumHiddenLayers * config.NumKeyValueHeads * config.HeadDim * dtype.ElementSize();

    /// <inheritdoc/>
    public int Rows => _lengths.Length;

    /// <inheritdoc/>
    public int Capacity { get; }

    /// <inheritdoc/>
    public int Length { get; private set; }

    /// <inheritdoc/>
    public IReadOnlyList<int> Lengths => _lengths;

    /// <inheritdoc/>
    public bool IsRagged { get; private set; }

    /// <inheritdoc/>
    public long Bytes { get; private set; }

    /// <inheritdoc/>
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

    /// <inheritdoc/>
    public (Tensor Keys, Tensor Values) Append(int layer, Tensor keys, Tensor values)
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

    /// <inheritdoc/>
    public void Advance(int tokens) => SetLengths(Array.ConvertAll(_lengths, length => length + tokens));

    /// <inheritdoc/>
    public (Tensor Keys, Tensor Values) ReadRow(int layer, int row)
    {
        using var scope = NewDisposeScope();
        Tensor Read(Tensor tensor) => tensor.select(0, row).narrow(1, 0, _lengths[row]).MoveToOuterDisposeScope();
        return (Read(_keys[layer]), Read(_values[layer]));
    }

    /// <inheritdoc/>
    public void Crop(int length)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, Length);
        SetLengths(Array.ConvertAll(_lengths, before => Math.Min(before, length)));
    }

    /// <inheritdoc/>
    public void CropRow(int row, int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, _lengths[row]);
        SetLength(row, length);
    }

    /// <inheritdoc/>
    /// <remarks>
    /// If no row moves to a higher index, rows move within the memory that they have, which keeps its size; else all rows are copied, one
    /// layer at a time.
    /// </remarks>
    public void SelectRows(IReadOnlyList<int> rows)
    {
        ArgumentOutOfRangeException.ThrowIfZero(rows.Count, nameof(rows));
        int[] lengths = [.. rows.Select(row => _lengths[row])];
        using var scope = NewDisposeScope();
        if (!rows.Where((row, i) => row < i).Any())
        {
            MoveRows(rows);
        }
        else
        {
            Tensor index = HostToDevice.Copy(tensor(rows.Select(row => (long)row).ToArray()), _keys[0].device);
            Replace(tensor => tensor.index_select(0, index));
            Bytes = _keys.Concat(_values).Sum(tensor => tensor.numel() * tensor.element_size());
        }
        SetLengths(lengths);
    }

    /// <inheritdoc/>
    public void CopyRow(IKvCache source, int from, int to)
    {
        WriteRow(to, source.Lengths[from], (layer, keys, values) =>
        {
            (Tensor ownKeys, Tensor ownValues) = source.ReadRow(layer, from);
            keys.copy_(ownKeys);
            values.copy_(ownValues);
        });
    }

    /// <summary>Replaces a row.</summary>
    /// <param name="length">tokens, L</param>
    /// <param name="write">writes a layer's keys and values: [K, L, D] each</param>
    internal void WriteRow(int row, int length, Action<int, Tensor, Tensor> write)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, Capacity);
        for (int layer = 0; layer < _keys.Length; layer++)
        {
            using var scope = NewDisposeScope();
            write(layer, _keys[layer].select(0, row).narrow(1, 0, length), _values[layer].select(0, row).narrow(1, 0, length));
        }
        SetLength(row, length);
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

    /// <summary>Copies rows to lower indices. In ascending order, none is overwritten before it is copied.</summary>
    private void MoveRows(IReadOnlyList<int> rows)
    {
        for (int to = 0; to < rows.Count; to++)
        {
            if (rows[to] != to)
            {
                CopyRow(this, rows[to], to);
            }
        }
        Replace(tensor => tensor.narrow(0, 0, rows.Count));
    }

    private void Replace(Func<Tensor, Tensor> change)
    {
        foreach (Tensor[] layers in (Tensor[][])[_keys, _values])
        {
            for (int layer = 0; layer < layers.Length; layer++)
            {
                Tensor changed = change(layers[layer]).DetachFromDisposeScope();
                layers[layer].Dispose();
                layers[layer] = changed;
            }
        }
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
