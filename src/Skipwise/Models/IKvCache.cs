using static TorchSharp.torch;

namespace Skipwise.Models;

/// <summary>
/// Rotated keys and values of the tokens so far, as the decoder and its attention need them. Each row is a text with a length of its own;
/// token i of a row is in slot i. A forward appends the same number of tokens to every row in every layer, then advances the rows.
/// </summary>
/// <remarks>
/// A forward computes all rows of the cache that it gets. Whoever keeps more texts than one forward computes hands out a cache of the rows
/// of that forward. To prefill texts of different lengths in one forward, pad the shorter ones at the end and drop the padding with
/// <see cref="CropRow"/>: attention is causal, so no token of a text attends to it.
/// </remarks>
public interface IKvCache : IDisposable
{
    // B rows, K kv heads, S slots, D head dim, T new tokens, L tokens of a row

    /// <summary>number of rows, B</summary>
    int Rows { get; }

    /// <summary>capacity in tokens, per row</summary>
    int Capacity { get; }

    /// <summary>tokens of earlier forwards in each row</summary>
    IReadOnlyList<int> Lengths { get; }

    /// <summary>tokens of earlier forwards in the longest row</summary>
    int Length { get; }

    /// <summary>Whether rows have different lengths.</summary>
    bool IsRagged { get; }

    /// <summary>bytes of memory that the keys and values occupy, those of unused slots included</summary>
    long Bytes { get; }

    /// <summary>Positions of the tokens of the next forward: they start at each row's length.</summary>
    /// <param name="tokens">T</param>
    /// <returns>int64 [B, T] on the cache's device; [1, T] if all rows have the same length</returns>
    Tensor NextPositions(int tokens);

    /// <summary>
    /// Stores a layer's new keys and values at the end of each row, and returns all of the layer's for attention. Slots beyond a shorter
    /// row's end hold finite numbers, which attention has to mask.
    /// </summary>
    /// <param name="layer">index of the layer</param>
    /// <param name="keys">[B, K, T, D], rotated</param>
    /// <param name="values">[B, K, T, D]</param>
    /// <returns>[B, K, <see cref="Length"/> + T, D] each, valid until the cache changes</returns>
    /// <exception cref="InvalidOperationException">the longest row would exceed the capacity</exception>
    (Tensor Keys, Tensor Values) Append(int layer, Tensor keys, Tensor values);

    /// <summary>Advances every row by the tokens of the forward that has appended to every layer.</summary>
    /// <param name="tokens">T</param>
    void Advance(int tokens);

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
