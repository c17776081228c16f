using Skipwise.Numerics;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Skipwise.Models;

/// <summary>Initial weights for pretraining, the same on every machine for the same seed.</summary>
/// <remarks>
/// | weight | drawn from |
/// | embedding, head | N(0, InitializerRange) |
/// | matrices | N(0, 1/sqrt(inputs)) |
/// | o_proj, down_proj | N(0, 1/sqrt(inputs) / sqrt(2 layers)), so that the residual stream keeps its size (GPT-2) |
/// | norms | 1, or 0 where the norm adds 1 |
/// | biases | 0 |
/// </remarks>
internal static class WeightInit
{
    private const int PieceSize = 1 << 16; // even: numbers are drawn in pairs

    public static void Initialize(CausalLM model, ulong seed)
    {
        using IDisposable noGradient = no_grad();
        ulong index = 0;
        foreach ((_, Parameter weight, ParameterRole role, _, bool addsToResidual) in ModelParameter.AllOf(model))
        {
            using var scope = NewDisposeScope();
            var rng = new KeyedRandom(seed, stream: 0x1217, index++);
            if (role is ParameterRole.Norm or ParameterRole.Bias)
            {
                weight.fill_(role == ParameterRole.Bias || model.Config.Norm == NormKind.RmsUnitOffset ? 0 : 1);
                continue;
            }
            double deviation = role is ParameterRole.Embedding or ParameterRole.Head
                ? model.Config.InitializerRange
                : 1 / Math.Sqrt(weight.size(1)) / (addsToResidual ? Math.Sqrt(2.0 * model.Config.NumHiddenLayers) : 1);
            FillNormal(weight.view(-1), ref rng, deviation);
        }
    }

    /// <summary>Fills a tensor piece by piece: an array as large as an embedding would stay in memory long after.</summary>
    /// <param name="values">[N]</param>
    private static void FillNormal(Tensor values, ref KeyedRandom rng, double deviation)
    {
        var drawn = new float[PieceSize];
        for (long start = 0; start < values.size(0); start += PieceSize)
        {
            using var scope = NewDisposeScope();
            int count = (int)Math.Min(PieceSize, values.size(0) - start);
            Normal(ref rng, deviation, drawn.AsSpan(0, count));
            values.narrow(0, start, count).copy_(tensor(drawn, device: CPU).narrow(0, 0, count));
        }
    }

    /// <summary>Box-Muller transform: two normal draws from two uniform ones.</summary>
    private static void Normal(ref KeyedRandom rng, double deviation, Span<float> values)
    {
        for (int i = 0; i < values.Length; i += 2)
        {
            double radius = deviation * Math.Sqrt(-2 * Math.Log(1 - rng.NextDouble()));
            (double sin, double cos) = Math.SinCos(2 * Math.PI * rng.NextDouble());
            values[i] = (float)(radius * cos);
            if (i + 1 < values.Length)
            {
                values[i + 1] = (float)(radius * sin);
            }
        }
    }
}
