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
            weight.copy_(tensor(Normal(ref rng, weight.numel(), deviation), device: CPU).view(weight.shape));
        }
    }

    /// <summary>Box-Muller transform: two normal draws from two uniform ones.</summary>
    private static float[] Normal(ref KeyedRandom rng, long count, double deviation)
    {
        var values = new float[count];
        for (long i = 0; i < count; i += 2)
        {
            double radius = deviation * Math.Sqrt(-2 * Math.Log(1 - rng.NextDouble()));
            (double sin, double cos) = Math.SinCos(2 * Math.PI * rng.NextDouble());
            values[i] = (float)(radius * cos);
            if (i + 1 < count)
            {
                values[i + 1] = (float)(radius * sin);
            }
        }
        return values;
    }
}
