using static TorchSharp.torch;

namespace Skipwise.Models;

/// <summary>
/// What a forward needs of a KV cache: it appends the new tokens' keys and values in every layer, gets all of them for attention, then
/// advances. Each row is a text with a length of its own; token i of a row is in slot i.
/// </summary>
public interface IForwardCache
{
    // B rows, K kv heads, D head dim, T new tokens

    /// <summary>tokens of earlier forwards in the longest row</summary>
    int Length { get; }

    /// <summary>Whether rows have different lengths.</summary>
    bool IsRagged { get; }

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
}
