using static TorchSharp.torch;

namespace Skipwise.Models;

/// <summary>
/// Rotated keys and values of the tokens so far, in rows that may change between forwards. A forward appends the same number of tokens to
/// every row in every layer, then advances the rows.
/// </summary>
/// <remarks>
/// A forward computes all rows of the cache that it gets. Whoever keeps more texts than one forward computes hands out a cache of the rows
/// of that forward. To prefill texts of different lengths in one forward, pad the shorter ones at the end and drop the padding with
/// <see cref="CropRow"/>: attention is causal, so no token of a text attends to it.
/// </remarks>
public interface IKvCache : IForwardCache, IDisposable
{
    // K kv heads, D head dim, L tokens of a row

    /// <summary>number of rows, B</summary>
    int Rows { get; }

    /// <summary>capacity in tokens, per row</summary>
    int Capacity { get; }

    /// <summary>tokens of earlier forwards in each row</summary>
    IReadOnlyList<int> Lengths { get; }

    /// <summary>bytes of memory that the keys and values occupy, those of unused slots included</summary>
    long Bytes { get; }

    /// <summary>A layer's keys and values of one row.</summary>
    /// <returns>[K, L, D] each, valid until the cache changes</returns>
    (Tensor Keys, Tensor Values) ReadRow(int layer, int row);

    /// <summary>
    /// Drops the tokens of every row from <paramref name="length"/> on, so that another continuation of the same prefix can follow.
    /// </summary>
    void Crop(int length);

    /// <summary>Drops the tokens of one row from <paramref name="length"/> on.</summary>
    void CropRow(int row, int length);

    /// <summary>Keeps only these rows, in this order. Drops texts that have ended; a row given twice has two continuations.</summary>
    /// <param name="rows">current indices, at least one</param>
    void SelectRows(IReadOnlyList<int> rows);

    /// <summary>
    /// Copies a row of another cache into a row of this one and takes over its length: another continuation of a text that was prefilled
    /// once.
    /// </summary>
    /// <param name="source">cache of the same model; the row is no longer than this cache's capacity</param>
    /// <param name="from">row of the source</param>
    /// <param name="to">row of this cache</param>
    void CopyRow(IKvCache source, int from, int to);
}
