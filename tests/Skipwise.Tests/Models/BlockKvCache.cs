using Skipwise.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Tests.Models;

/// <summary>
/// Another cache: keys and values in blocks of a few tokens, which a row takes from a pool as it grows and gives back when it leaves.
/// Slow: attention gets a copy.
/// </summary>
internal sealed class BlockKvCache : IKvCache
{
    // N blocks of the pool, K kv heads, P tokens of a block, D head dim
    private const int BlockTokens = 4, RowsInPool = 16;

    private readonly Tensor[][] _pools; // keys and values of each layer, [N, K, P, D]
    private readonly Queue<int> _unused;
    private List<List<int>> _blocks; // of each row
    private int[] _lengths;

    public BlockKvCache(DecoderConfig config, int batch, int capacity, ScalarType dtype, Device device)
    {
        (Capacity, _lengths, _blocks) = (capacity, new int[batch], [.. Enumerable.Range(0, batch).Select(_ => new List<int>())]);
        int count = RowsInPool * (capacity + BlockTokens) / BlockTokens;
        _unused = new Queue<int>(Enumerable.Range(0, count));
        Tensor Pool() =>
            full([count, config.NumKeyValueHeads, BlockTokens, config.HeadDim], double.NaN, dtype, device).DetachFromDisposeScope();
        _pools = [.. Enumerable.Range(0, config.NumHiddenLayers).Select(_ => (Tensor[])[Pool(), Pool()])];
    }

    public int Rows => _lengths.Length;
    public int Capacity { get; }
    public IReadOnlyList<int> Lengths => _lengths;
    public int Length => _lengths.Max();
    public bool IsRagged => _lengths.Min() != Length;
    public long Bytes => _pools.SelectMany(pools => pools).Sum(pool => pool.numel() * pool.element_size());

    public Tensor NextPositions(int tokens) =>
        tensor([.. _lengths.SelectMany(length => Enumerable.Range(length, tokens).Select(place => (long)place))], [Rows, tokens])
            [IsRagged ? .. : ..1];

    public (Tensor Keys, Tensor Values) Append(int layer, Tensor keys, Tensor values)
    {
        using var scope = NewDisposeScope();
        int added = (int)keys.size(2), total = Length + added;
        if (total > Capacity)
        {
            throw new InvalidOperationException("full");
        }
        for (int row = 0; row < Rows; row++)
        {
            Write(layer, row, _lengths[row], keys[row], values[row]);
        }
        Tensor Padded(int kind) => stack([.. Enumerable.Range(0, Rows).Select(row =>
        {
            Tensor own = Read(layer, row, kind, _lengths[row] + added);
            return nn.functional.pad(own, [0, 0, 0, total - own.size(1)]);
        })]);
        return (Padded(0).MoveToOuterDisposeScope(), Padded(1).MoveToOuterDisposeScope());
    }

    public void Advance(int tokens) => _lengths = [.. _lengths.Select(length => length + tokens)];

    public (Tensor Keys, Tensor Values) ReadRow(int layer, int row) =>
        (Read(layer, row, 0, _lengths[row]), Read(layer, row, 1, _lengths[row]));

    public void Crop(int length) => _lengths = [.. _lengths.Select(before => Math.Min(before, length))];

    public void CropRow(int row, int length)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, _lengths[row]);
        _lengths[row] = length;
    }

    public void SelectRows(IReadOnlyList<int> rows)
    {
        ArgumentOutOfRangeException.ThrowIfZero(rows.Count);
        (List<List<int>> blocks, int[] lengths) = (_blocks, _lengths);
        _lengths = [.. rows.Select(row => lengths[row])];
        _blocks = [.. rows.Select((row, i) => rows.Take(i).Contains(row) ? Copy(blocks[row]) : blocks[row])];
        foreach (int block in blocks.Where((_, row) => !rows.Contains(row)).SelectMany(own => own))
        {
            _unused.Enqueue(block);
        }
    }

    public void CopyRow(IKvCache source, int from, int to)
    {
        for (int layer = 0; layer < _pools.Length; layer++)
        {
            (Tensor keys, Tensor values) = source.ReadRow(layer, from);
            Write(layer, to, 0, keys, values);
        }
        _lengths[to] = source.Lengths[from];
    }

    public void Dispose()
    {
        foreach (Tensor pool in _pools.SelectMany(pools => pools))
        {
            pool.Dispose();
        }
    }

    /// <param name="keys">[K, tokens, D]</param>
    private void Write(int layer, int row, int start, Tensor keys, Tensor values)
    {
        for (int t = 0; t < keys.size(1); t++)
        {
            (int block, int place) = Math.DivRem(start + t, BlockTokens);
            while (_blocks[row].Count <= block)
            {
                _blocks[row].Add(_unused.Dequeue());
            }
            _pools[layer][0][_blocks[row][block]].select(1, place).copy_(keys.select(1, t));
            _pools[layer][1][_blocks[row][block]].select(1, place).copy_(values.select(1, t));
        }
    }

    /// <returns>[K, length, D]</returns>
    private Tensor Read(int layer, int row, int kind, int length)
    {
        Tensor index = tensor([.. _blocks[row].Select(block => (long)block)], ScalarType.Int64);
        return _pools[layer][kind].index_select(0, index).transpose(0, 1).flatten(1, 2).narrow(1, 0, length);
    }

    private List<int> Copy(List<int> blocks) => [.. blocks.Select(block =>
    {
        int copy = _unused.Dequeue();
        foreach (Tensor pool in _pools.SelectMany(pools => pools))
        {
            pool[copy].copy_(pool[block]);
        }
        return copy;
    })];
}
