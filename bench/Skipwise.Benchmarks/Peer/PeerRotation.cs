using Skipwise.Models;
using Skipwise.Rope;
using static TorchSharp.torch;

namespace Skipwise.Benchmarks.Peer;

/// <summary>Rotary position embedding as in transformers: cosines and sines once per forward, halves swapped by a copy.</summary>
internal readonly record struct PeerRotation(Tensor Cosine, Tensor Sine)
{
    /// <param name="positions">int64 [B, T]</param>
    public static PeerRotation Of(DecoderConfig config, Tensor positions)
    {
        RopeOptions rope = config.Rope;
        if (rope.Type is not (RopeType.Linear or RopeType.Default))
        {
            throw new SkipwiseException($"The reference program knows linear scaling, not {rope.Type}. Choose a case that has it.");
        }
        using var scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        Tensor even = arange(0, config.HeadDim, 2, dtype: ScalarType.Float32) / config.HeadDim;
        Tensor frequencies = 1 / pow(rope.Theta, even) / (rope.Type == RopeType.Linear ? rope.Factor : 1);
        Tensor angles = positions.to(ScalarType.Float32).unsqueeze(-1) * frequencies; // [B, T, D/2]
        Tensor both = cat([angles, angles], -1).unsqueeze(1); // [B, 1, T, D]
        return new(both.cos().MoveToOuterDisposeScope(), both.sin().MoveToOuterDisposeScope());
    }

    /// <param name="states">[B, H, T, D]</param>
    /// <returns>[B, H, T, D]</returns>
    public Tensor Apply(Tensor states)
    {
        using var scope = NewDisposeScope();
        long half = states.size(-1) / 2;
        Tensor swapped = cat([-states.narrow(-1, half, half), states.narrow(-1, 0, half)], -1);
        return ((states * Cosine) + (swapped * Sine)).MoveToOuterDisposeScope();
    }
}
