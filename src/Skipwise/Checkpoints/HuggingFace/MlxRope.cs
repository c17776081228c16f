using System.Text.Json.Nodes;
using Skipwise.Models;
using Skipwise.Rope;
using Skipwise.Storage;

namespace Skipwise.Checkpoints.HuggingFace;

/// <summary>Computes from the RoPE keys of a config.json what mlx-lm does, by the formulas of its <c>initialize_rope</c>.</summary>
internal static class MlxRope
{
    private const double Qwen2sTheta = 1e6; // where the file states none
    private const int YarnsOriginal = 4096, Llama3sOriginal = 8192, Phi3sOriginal = 4096; // where the file states none

    private static readonly string[] s_families = ["llama", "mistral", "qwen2", "qwen3", "phi3", "gemma", "gpt_neox"];
    private static readonly string[] s_readsBaseOnly = ["gemma", "gpt_neox"]; // as vLLM does
    private static readonly string[] s_rotatesAShare = ["phi3", "gpt_neox"];

    /// <summary>Whether it runs the family.</summary>
    public static bool Has(ModelFamily family) => s_families.Contains(family.ModelType);

    /// <summary>Whether it reads the base of a family's rope and no scaling.</summary>
    public static bool ReadsBaseOnly(ModelFamily family) => s_readsBaseOnly.Contains(family.ModelType);

    /// <summary>What mlx-lm computes. It reads rope_scaling and the keys outside, not rope_parameters.</summary>
    /// <inheritdoc cref="TransformersRope.Read"/>
    public static ConsumerReading Read(JsonObject raw, ModelFamily family, DecoderConfig model)
    {
        if (!Has(family))
        {
            return ConsumerReading.Refused("mlx-lm has no implementation of the family");
        }
        var root = new JsonSection(HfConfig.FileName, "", raw) { Names = family.KeyNames };
        double fraction = s_rotatesAShare.Contains(family.ModelType)
            ? root.OptionalDouble(family.RotaryFractionKeys[0]) ?? family.DefaultRotaryFraction : 1;
        int rotaryDim = DecoderConfigReader.RotaryDim(model.HeadDim, fraction);
        double builtIn = family.ModelType == "qwen2" ? Qwen2sTheta : RopeConfigReader.DefaultTheta;
        var plain = new RopeOptions { Theta = root.OptionalDouble(family.ThetaKeys[0]) ?? builtIn };
        JsonSection? rope = root.Section("rope_scaling");
        string type = rope?.OptionalString("type") ?? rope?.OptionalString("rope_type") ?? "default";
        if (rope is null || type == "default" || ReadsBaseOnly(family))
        {
            return new(plain, rotaryDim);
        }
        bool isPhi3 = family.ModelType == "phi3";
        if (isPhi3 && !(rope.Has("long_factor") && rope.Has("type")))
        {
            return ConsumerReading.Refused("mlx-lm refuses a Phi-3 whose rope_scaling lacks type or long_factor");
        }
        if (isPhi3 && type is not ("linear" or "longrope" or "su"))
        {
            return new(plain, rotaryDim); // with a warning
        }
        int? inside = rope.OptionalPositive(RopeConfigReader.OriginalKey);
        int window = root.Positive("max_position_embeddings");
        switch (type)
        {
            case "linear":
                return new(plain with { Type = RopeType.Linear, Factor = rope.Double("factor"), OriginalMaxPositionEmbeddings = window },
                    rotaryDim);
            case "yarn":
                double factor = rope.Double("factor");
                return new(plain with
                {
                    Type = RopeType.Yarn,
                    Factor = factor,
                    OriginalMaxPositionEmbeddings = inside ?? YarnsOriginal,
                    BetaFast = rope.Double("beta_fast", plain.BetaFast),
                    BetaSlow = rope.Double("beta_slow", plain.BetaSlow),
                    AttentionFactor = YarnScale(rope.Double("mscale", 1), factor) / YarnScale(rope.Double("mscale_all_dim", 0), factor),
                }, rotaryDim);
            case "llama3":
                return new(plain with
                {
                    Type = RopeType.Llama3,
                    Factor = rope.Double("factor"),
                    OriginalMaxPositionEmbeddings = inside ?? Llama3sOriginal,
                    LowFreqFactor = rope.Double("low_freq_factor", plain.LowFreqFactor),
                    HighFreqFactor = rope.Double("high_freq_factor", plain.HighFreqFactor),
                }, rotaryDim);
            case "longrope" or "su" when isPhi3 || type == "longrope":
                int original = isPhi3
                    ? root.OptionalPositive(RopeConfigReader.OriginalKey) ?? Phi3sOriginal
                    : rope.Positive(RopeConfigReader.OriginalKey);
                IReadOnlyList<double> list = rope.Doubles("long_factor"); // for short texts too
                return new(plain with
                {
                    Type = RopeType.LongRope,
                    Factor = Math.Max(1, (double)window / original),
                    OriginalMaxPositionEmbeddings = original,
                    ShortFactor = list,
                    LongFactor = list,
                }, rotaryDim);
            default:
                return ConsumerReading.Refused($"mlx-lm has no {type} scaling");
        }
    }

    private static double YarnScale(double term, double factor) => (0.1 * term * Math.Log(factor)) + 1;
}
