using Skipwise.Kernels;
using Skipwise.Rope;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Models;

/// <summary>
/// The rotation of every token of a batch, computed once per batch from its position ids and used by every layer. Phases are computed in
/// float64: in float32 they are off by 0.007 rad near position 100,000.
/// </summary>
public sealed class Rotary : IDisposable
{
    // B batch, T tokens, H heads, D head dim, R rotary dim (R <= D)
    private readonly Tensor _rotation; // complex64 [B or 1, T, 1, R/2]
    private readonly RotaryLayout _layout;

    private Rotary(RopeFrequencies frequencies, Tensor rotation, RotaryLayout pairs) =>
        (Frequencies, _rotation, _layout) = (frequencies, rotation, pairs);

    /// <summary>Inverse frequencies and scale of the rotation.</summary>
    public RopeFrequencies Frequencies { get; }

    /// <param name="frequency">radians per token of every dimension pair: float64 [R/2], on the positions' device</param>
    /// <param name="values">the same in host memory, and the scale of cos and sin</param>
    /// <param name="positionIds">int64 [B, T], or [1, T] when all rows share their positions</param>
    /// <param name="pairs">which dimensions form a pair</param>
    public static Rotary Create(Tensor frequency, RopeFrequencies values, Tensor positionIds, RotaryLayout pairs = RotaryLayout.RotateHalf)
    {
        using var scope = NewDisposeScope();
        Tensor phase = positionIds.to(ScalarType.Float64).unsqueeze(-1) * frequency; // [B, T, R/2]
        Tensor scale = full_like(phase, values.AttentionFactor);
        Tensor rotation = polar(scale, phase).to(ScalarType.ComplexFloat32).unsqueeze(2);
        return new Rotary(values, rotation.DetachFromDisposeScope(), pairs);
    }

    /// <summary>
    /// Rotates each pair of the rotary dimensions as one complex number. The result has the pairs interleaved, even if the input has them
    /// in two halves (Hugging Face's Llama layout): queries and keys share this permutation of dimensions, so their scores do not change.
    /// </summary>
    /// <param name="x">queries or keys [B, T, H, D]</param>
    public Tensor Apply(Tensor x) => KernelSet.For(x).Rotate(x, _rotation, _layout);

    /// <summary>Frees the rotations.</summary>
    public void Dispose() => _rotation.Dispose();
}
