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

    private Rotary(Tensor turn) => _turn = turn;

    /// <param name="frequencies">one frequency per dimension pair, and the scale of cos and sin</param>
    /// <param name="positionIds">int64 [B, T], or [1, T] when all rows share their positions</param>
    public static Rotary Create(RopeFrequencies frequencies, Tensor positionIds)
    {
        using var scope = NewDisposeScope();
        Tensor frequency = tensor(frequencies.InvFreq, dtype: ScalarType.Float64, device: positionIds.device);
        Tensor phase = positionIds.to(ScalarType.Float64).unsqueeze(-1) * frequency; // [B, T, R/2]
        Tensor scale = full_like(phase, frequencies.AttentionFactor);
        Tensor turn = polar(scale, phase).to(ScalarType.ComplexFloat32).unsqueeze(2);
        return new Rotary(turn.DetachFromDisposeScope());
    }

    /// <summary>
    /// Rotates dimension i of the first half of the rotary dimensions with i of the second (Hugging Face's Llama layout)
    /// as one complex number. The result keeps the pairs side by side: a permutation of the dimensions that queries and
    /// keys share, so their scores are the same.
    /// </summary>
    /// <param name="x">queries or keys [B, T, H, D]</param>
    public Tensor Apply(Tensor x)
    {
        using var scope = NewDisposeScope();
        long pairs = _turn.size(-1), rotary = 2 * pairs, dim = x.size(-1);
        Tensor real = x.narrow(-1, 0, pairs), imaginary = x.narrow(-1, pairs, pairs);
        if (x.dtype != ScalarType.Float32)
        {
            real = real.to(ScalarType.Float32);
            imaginary = imaginary.to(ScalarType.Float32);
        }
        Tensor rotated = view_as_real(complex(real, imaginary) * _turn).flatten(-2).to(x.dtype);
        if (rotary < dim)
        {
            rotated = cat([rotated, x.narrow(-1, rotary, dim - rotary)], -1);
        }
        return rotated.MoveToOuterDisposeScope();
    }

    public void Dispose() => _turn.Dispose();
}
