using System.Text.Json.Nodes;
using Skipwise.Models;
using Skipwise.Rope;

namespace Skipwise.Checkpoints.HuggingFace;

/// <summary>
/// Writes a scaling into a config.json so that other programs compute the same frequencies: under <c>rope_scaling</c> (with the names
/// <c>type</c> and <c>rope_type</c>) for transformers 4, and under <c>rope_parameters</c> for transformers 5.
/// </summary>
internal static class RopeConfigWriter
{
    // Other keys of the window, for other programs, whose values would be outdated.
    private static readonly string[] s_windowCopies = [RopeConfigReader.ExtendedKey, "model_max_length"];

    public static void Write(JsonObject config, DecoderConfig model, ModelFamily family)
    {
        RopeOptions rope = Portable(model.Rope, model.RotaryDim, family);
        JsonObject? scaling = family.RopePreference.LongRopeOnly && IsPhi3s(rope, model) ? Phi3sScaling(rope) : Scaling(rope);
        bool hadScaling = config.ContainsKey("rope_scaling");
        if (rope.Type is RopeType.Linear or RopeType.Yarn or RopeType.Llama3 or RopeType.LongRope)
        {
            // transformers 5 prefers it to the key in the section, transformers 4's longrope and llama.cpp's converter read no other, and
            // it determines which window max_position_embeddings is under a linear scaling
            config[RopeConfigReader.OriginalKey] = rope.OriginalMaxPositionEmbeddings;
        }
        else
        {
            config.Remove(RopeConfigReader.OriginalKey);
        }
        foreach (string key in family.ThetaKeys)
        {
            config[key] = HfConfig.Float(rope.Theta);
        }
        if (family.RotaryFractionKeys is [string fractionKey, ..] && (model.RotaryDim < model.HeadDim || family.DefaultRotaryFraction != 1))
        {
            // transformers 4 and 5.0 read only this key, and use the family's default without it
            config[fractionKey] = RotaryFraction(config, model, family);
        }
        if (scaling is not null || hadScaling)
        {
            config["rope_scaling"] = scaling?.DeepClone();
        }
        JsonObject parameters = scaling ?? [];
        parameters["rope_type"] ??= scaling?["type"]?.DeepClone() ?? "default";
        parameters["rope_theta"] = HfConfig.Float(rope.Theta);
        if (model.RotaryDim < model.HeadDim)
        {
            parameters["partial_rotary_factor"] = RotaryFraction(config, model, family);
        }
        config["rope_parameters"] = parameters;
        config[family.KeyOf("max_position_embeddings")] = rope.Type switch
        {
            RopeType.DynamicNtk => rope.OriginalMaxPositionEmbeddings, // every version reads it as the original length
            // some versions derive the factor from it
            RopeType.Yarn => RopeFrequency.ExtendedLength(rope.OriginalMaxPositionEmbeddings, rope.Factor),
            _ => model.MaxPositionEmbeddings,
        };
        foreach (string copy in s_windowCopies.Where(config.ContainsKey))
        {
            config[copy] = model.MaxPositionEmbeddings;
        }
    }

    /// <summary>The rotary fraction as stated in the file (it may be rounded), or the exact one if it states another.</summary>
    private static JsonNode RotaryFraction(JsonObject config, DecoderConfig model, ModelFamily family) =>
        family.RotaryFractionKeys.Select(key => config[key]).OfType<JsonValue>().FirstOrDefault(stated =>
            stated.TryGetValue(out double share) && DecoderConfigReader.RotaryDim(model.HeadDim, share) == model.RotaryDim)?.DeepClone()
        ?? HfConfig.Float((double)model.RotaryDim / model.HeadDim);

    /// <summary>A rope with the same frequencies in a type that other programs support.</summary>
    internal static RopeOptions Portable(RopeOptions rope, int rotaryDim, ModelFamily family)
    {
        switch (rope.Type)
        {
            case RopeType.Ntk:
                return rope with
                {
                    Type = RopeType.Default,
                    Theta = RopeFrequency.NtkTheta(rope.Theta, rope.Factor, rotaryDim),
                    Factor = 1
                };
            case RopeType.YarnRevised:
            case RopeType.Linear or RopeType.Yarn or RopeType.Llama3 when family.RopePreference.LongRopeOnly:
                double[] divisors = RopeFrequency.Divisors(rope, rotaryDim);
                return rope with
                {
                    Type = RopeType.LongRope,
                    ShortFactor = divisors,
                    LongFactor = divisors,
                    AttentionFactor = RopeFrequency.Compute(rope, rotaryDim).AttentionFactor,
                };
            default:
                return rope;
        }
    }

    /// <summary>The section of a scaling; null if rope_theta suffices.</summary>
    private static JsonObject? Scaling(RopeOptions rope)
    {
        if (rope.Type == RopeType.Default)
        {
            return null;
        }
        string name = rope.Type switch
        {
            RopeType.Linear => "linear",
            RopeType.DynamicNtk => "dynamic",
            RopeType.Yarn => "yarn",
            RopeType.Llama3 => "llama3",
            RopeType.LongRope => "longrope",
            _ => throw new ArgumentOutOfRangeException(nameof(rope), rope.Type, "has no portable name"),
        };
        var scaling = new JsonObject { ["type"] = name, ["rope_type"] = name, ["factor"] = HfConfig.Float(rope.Factor) };
        if (rope.Type is RopeType.Yarn or RopeType.Llama3 or RopeType.LongRope)
        {
            scaling["original_max_position_embeddings"] = rope.OriginalMaxPositionEmbeddings;
        }
        if (rope.Type is RopeType.Yarn)
        {
            scaling["attention_factor"] = HfConfig.Float(rope.AttentionFactor ?? RopeFrequency.Compute(rope, 2).AttentionFactor);
            scaling["beta_fast"] = HfConfig.Float(rope.BetaFast);
            scaling["beta_slow"] = HfConfig.Float(rope.BetaSlow);
        }
        if (rope.Type is RopeType.Llama3)
        {
            scaling["low_freq_factor"] = HfConfig.Float(rope.LowFreqFactor);
            scaling["high_freq_factor"] = HfConfig.Float(rope.HighFreqFactor);
        }
        if (rope.Type is RopeType.LongRope)
        {
            scaling["short_factor"] = List(rope.ShortFactor!);
            scaling["long_factor"] = List(rope.LongFactor!);
            double scale = rope.AttentionFactor ?? RopeFrequency.Compute(rope, 2 * rope.ShortFactor!.Count).AttentionFactor;
            foreach (string key in (string[])["attention_factor", "short_mscale", "long_mscale"]) // the last two are vLLM's names
            {
                scaling[key] = HfConfig.Float(scale);
            }
        }
        return scaling;
    }

    /// <summary>
    /// Whether transformers 4 computes this rope for Phi-3 from the file's two windows. Its check of rope_scaling accepts only longrope's
    /// three keys. A rope that needs more is written with all keys, which transformers 4 refuses and 5 reads.
    /// </summary>
    private static bool IsPhi3s(RopeOptions rope, DecoderConfig model)
    {
        if (rope.Type != RopeType.LongRope)
        {
            return false;
        }
        RopeOptions derived =
            rope with
            {
                AttentionFactor = null,
                Factor = Math.Max(1, (double)model.MaxPositionEmbeddings / rope.OriginalMaxPositionEmbeddings)
            };
        double Scale(RopeOptions options) => RopeFrequency.Compute(options, model.RotaryDim).AttentionFactor;
        return Math.Abs(Scale(rope) - Scale(derived)) < 1e-9;
    }

    private static JsonObject Phi3sScaling(RopeOptions rope) =>
        new() { ["type"] = "longrope", ["short_factor"] = List(rope.ShortFactor!), ["long_factor"] = List(rope.LongFactor!) };

    private static JsonArray List(IEnumerable<double> values) => [.. values.Select(HfConfig.Float)];
}
