using Skipwise.Models;
using Skipwise.Rope;
using Skipwise.Storage.Gguf;
using static TorchSharp.torch;

namespace Skipwise.Checkpoints.Gguf;

/// <summary>
/// A RoPE scaling in llama.cpp's terms. llama.cpp multiplies cos and sin by rope.scaling.attn_factor, and with yarn by 1 + 0.1 ln s
/// besides, so yarn's key is the ratio of the two. An attention factor under yarn's other keys has no effect.
/// </summary>
internal static class GgufRope
{
    private const double Equal = 1e-6;

    /// <summary>Whether a scaling can only be expressed by one divisor per dimension pair.</summary>
    public static bool NeedsFactors(RopeOptions rope) => rope.Type is RopeType.YarnRevised or RopeType.Llama3 or RopeType.LongRope;

    /// <summary>Adds the keys of a scaling.</summary>
    /// <param name="metadata">receives them</param>
    /// <returns>the tensors that belong to it, float32 [rotary dimensions / 2]</returns>
    public static IReadOnlyList<GgufTensor> Describe(GgufMetadata metadata, GgufArchitecture architecture, DecoderConfig model)
    {
        RopeOptions rope = model.Rope;
        string prefix = $"{architecture.Name}.rope.";
        double scale = RopeFrequency.Compute(rope, model.RotaryDim).AttentionFactor;
        metadata.Add(prefix + "dimension_count", (uint)model.RotaryDim);
        metadata.Add(prefix + "freq_base",
            (float)(rope.Type == RopeType.Ntk ? RopeFrequency.NtkTheta(rope.Theta, rope.Factor, model.RotaryDim) : rope.Theta));
        bool needsFactors = NeedsFactors(rope), hasTwo = needsFactors && architecture.PairFactors == PairFactors.TwoTensors;
        metadata.Add(prefix + "scaling.type", rope.Type switch
        {
            RopeType.Linear => "linear",
            RopeType.Yarn => "yarn",
            _ => hasTwo ? "longrope" : "none",
        });
        if (rope.Type is RopeType.Linear or RopeType.Yarn)
        {
            metadata.Add(prefix + "scaling.factor", (float)rope.Factor);
        }
        if (rope.Type is RopeType.Linear or RopeType.Yarn || hasTwo)
        {
            metadata.Add(prefix + "scaling.original_context_length", (uint)rope.OriginalMaxPositionEmbeddings);
        }
        if (rope.Type == RopeType.Yarn)
        {
            metadata.Add(prefix + "scaling.yarn_beta_fast", (float)rope.BetaFast);
            metadata.Add(prefix + "scaling.yarn_beta_slow", (float)rope.BetaSlow);
            scale /= 1 + (0.1 * Math.Log(rope.Factor));
        }
        if (Math.Abs(scale - 1) > Equal)
        {
            metadata.Add(prefix + "scaling.attn_factor", (float)scale);
        }
        if (rope.Type != RopeType.Default)
        {
            metadata.Add(prefix + "scaling.finetuned", true);
        }
        if (!needsFactors)
        {
            return [];
        }
        float[] divisors = [.. RopeFrequency.Divisors(rope, model.RotaryDim).Select(divisor => (float)divisor)];
        string[] names = hasTwo ? ["rope_factors_long.weight", "rope_factors_short.weight"] : ["rope_freqs.weight"];
        return [.. names.Select(name => new GgufTensor(name, [divisors.Length], GgufType.F32, () => [tensor(divisors)]))];
    }
}
