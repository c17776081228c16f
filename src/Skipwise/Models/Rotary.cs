using Skipwise.Models.Fused;
using Skipwise.Rope;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Models;

/// <summary>
/// The rotation of every token of a batch: made once per batch from its position ids, used by every layer.
/// Phases are computed in float64: in float32 they are off by 0.007 rad near position 100,000.
/// </summary>
public sealed class Rotary : IDisposable
{
    // B batch, T tokens, H heads, D head dim, R rotary dim (R <= D)
    private readonly Tensor _turn; // complex64 [B or 1, T, 1, R/2]
    private readonly RotaryPairs _pairs;

    private Rotary(RopeFrequencies frequencies, Tensor turn, RotaryPairs pairs) =>
        (Frequencies, _turn, _pairs) = (frequencies, turn, pairs);

    /// <summary>What it turns by.</summary>
    public RopeFrequencies Frequencies { get; }

    /// <param name="frequency">radians per token of every dimension pair: float64 [R/2], on the positions' device</param>
    /// <param name="values">the same as numbers, and the scale of cos and sin</param>
    /// <param name="positionIds">int64 [B, T], or [1, T] when all rows share their positions</param>
    /// <param name="pairs">which dimensions turn together</param>
    public static Rotary Create(Tensor frequency, RopeFrequencies values, Tensor positionIds, RotaryPairs pairs = RotaryPairs.Halves)
    {
        using var scope = NewDisposeScope();
        Tensor phase = positionIds.to(ScalarType.Float64).unsqueeze(-1) * frequency; // [B, T, R/2]
        Tensor scale = full_like(phase, values.AttentionFactor);
        Tensor turn = polar(scale, phase).to(ScalarType.ComplexFloat32).unsqueeze(2);
        return new Rotary(values, turn.DetachFromDisposeScope(), pairs);
    }

    /// <summary>
    /// Rotates each pair of the rotary dimensions as one complex number. The result has the pairs side by side, even if they came from
    /// two halves (Hugging Face's Llama layout): a permutation of the dimensions that queries and keys share, so their
    /// scores are the same.
    /// </summary>
    /// <param name="x">queries or keys [B, T, H, D]</param>
    public Tensor Apply(Tensor x) => FusedMath.Serves(x) ? TurnFunction.apply(x, _turn, _pairs) : Turn(x, _turn, _pairs);

    internal static Tensor Turn(Tensor x, Tensor turn, RotaryPairs layout)
    {
        if (!FusedMath.IsOff && RowMath.Serves(x))
        {
            return RowMath.Turn(x, turn, layout, back: false);
        }
        using var scope = NewDisposeScope();
        long pairs = turn.size(-1), rotary = 2 * pairs, dim = x.size(-1);
        (Tensor real, Tensor imaginary) = layout == RotaryPairs.Halves
            ? (x.narrow(-1, 0, pairs), x.narrow(-1, pairs, pairs))
            : (x.slice(-1, 0, rotary, 2), x.slice(-1, 1, rotary, 2));
        if (x.dtype != ScalarType.Float32)
        {
            real = real.to(ScalarType.Float32);
            imaginary = imaginary.to(ScalarType.Float32);
        }
        Tensor rotated = view_as_real(complex(real, imaginary) * turn).flatten(-2).to(x.dtype);
        if (rotary < dim)
        {
            rotated = cat([rotated, x.narrow(-1, rotary, dim - rotary)], -1);
        }
        return rotated.MoveToOuterDisposeScope();
    }

    /// <summary>The gradient of <see cref="Turn"/>: turns by the opposite angles and puts every dimension back into its place.</summary>
    /// <param name="gradient">[B, T, H, D]</param>
    internal static Tensor TurnBack(Tensor gradient, Tensor turn, RotaryPairs layout)
    {
        if (RowMath.Serves(gradient))
        {
            return RowMath.Turn(gradient, turn, layout, back: true);
        }
        using var scope = NewDisposeScope();
        long pairs = turn.size(-1), rotary = 2 * pairs, dim = gradient.size(-1);
        Tensor turned = view_as_complex(gradient.narrow(-1, 0, rotary).to(ScalarType.Float32).reshape([.. gradient.shape[..^1], pairs, 2])) * turn.conj();
        Tensor sides = view_as_real(turned); // [..., R/2, 2]
        Tensor placed = (layout == RotaryPairs.Halves ? sides.transpose(-1, -2) : sides).flatten(-2).to(gradient.dtype);
        if (rotary < dim)
        {
            placed = cat([placed, gradient.narrow(-1, rotary, dim - rotary)], -1);
        }
        return placed.MoveToOuterDisposeScope();
    }

    public void Dispose() => _turn.Dispose();
}
