using System.Text.Json.Nodes;
using Skipwise.Models;
using Skipwise.Rope;
using Skipwise.Storage;

namespace Skipwise.Checkpoints.HuggingFace;

/// <summary>
/// Reads the RoPE keys of a config.json as transformers 4 (last releases) and 5 do: the places of base, rotary fraction and original
/// window, and what they refuse. They may read a file differently from <see cref="RopeConfigReader"/>, or not at all.
/// </summary>
internal static class TransformersRope
{
    private static readonly Dictionary<string, RopeType> s_types = new()
    {
        ["default"] = RopeType.Default,
        ["linear"] = RopeType.Linear,
        ["dynamic"] = RopeType.DynamicNtk,
        ["yarn"] = RopeType.Yarn,
        ["llama3"] = RopeType.Llama3,
        ["longrope"] = RopeType.LongRope,
    };

    /// <summary>What a version computes from a config.json.</summary>
    /// <param name="raw">all of its keys</param>
    /// <param name="model">whose heads they are</param>
    /// <param name="version">4 or 5</param>
    public static ConsumerReading Read(JsonObject raw, ModelFamily family, DecoderConfig model, int version)
    {
        if (family.RopeIsFixedElsewhere)
        {
            int? rotating = new JsonSection(HfConfig.FileName, "", raw) { Defaults = family.Defaults }.OptionalPositive("rotary_dim");
            return new(new RopeOptions(), rotating ?? model.RotaryDim); // a base of 10000 and no scaling are built in
        }
        var root = new JsonSection(HfConfig.FileName, "", raw) { Names = family.KeyNames };
        JsonSection? older = NotEmpty(root.Section("rope_scaling"));
        JsonSection? rope = version == 4 ? older : older ?? NotEmpty(root.Section("rope_parameters"));
        int rotaryDim = DecoderConfigReader.RotaryDim(model.HeadDim, RotaryFraction(root, rope, family, version));
        string type = TypeOf(rope, version) ?? "default";
        if (family.RopePreference.LongRopeOnly && rope is not null)
        {
            if (version == 4 && rope.Json.Count != 3)
            {
                return ConsumerReading.Refused(
                    "it refuses a Phi-3 with any rope_scaling but longrope's three keys, and derives the attention factor");
            }
            // Only version 4 accepts longrope's first name.
            type = version == 4 && type == "su" ? "longrope" : type;
            if (type is not ("default" or "longrope"))
            {
                return ConsumerReading.Refused($"it refuses a Phi-3 whose rope is of type {type}");
            }
        }
        if (!s_types.TryGetValue(type, out RopeType known))
        {
            return ConsumerReading.Refused($"it knows no rope of type {type}");
        }
        double theta = (version == 5 ? rope?.OptionalDouble("rope_theta") : null) ?? root.OptionalDouble(family.ThetaKeys[0])
            ?? RopeConfigReader.DefaultTheta;
        RopeOptions? read = rope is null || known == RopeType.Default ? new RopeOptions()
            : Scaling(root, rope, family, known, version);
        return read is null
            ? ConsumerReading.Refused($"it looks for {(rope!.Has("factor") ? RopeConfigReader.OriginalKey : "factor")} inside of " +
                "rope_scaling and refuses the file")
            : new(read with { Theta = theta }, rotaryDim);
    }

    /// <summary>The rope type, if it is one that only the PoSE reference code has, or an unknown one: no program reads the file as
    /// intended.</summary>
    public static string? ForeignType(JsonObject raw) =>
        raw["rope_scaling"] is JsonObject rope && TextOf(rope["rope_type"] ?? rope["type"]) is { } type && type != "su"
            && !s_types.ContainsKey(type)
            ? $"only the original PoSE repository and Skipwise know a rope of type {type}"
            : null;

    private static string? TextOf(JsonNode? node) => node is JsonValue value && value.TryGetValue(out string? text) ? text : null;

    /// <summary>Version 4 copies the older key onto the newer one.</summary>
    private static string? TypeOf(JsonSection? rope, int version)
    {
        string? newer = rope?.OptionalString("rope_type"), older = rope?.OptionalString("type");
        return version == 4 ? older ?? newer : newer ?? older;
    }

    private static JsonSection? NotEmpty(JsonSection? section) => section?.Json.Count > 0 ? section : null;

    private static double RotaryFraction(JsonSection root, JsonSection? rope, ModelFamily family, int version) =>
        (version == 5 ? rope?.OptionalDouble("partial_rotary_factor") : null) ?? root.OptionalDouble(family.RotaryFractionKeys[0])
            ?? family.DefaultRotaryFraction;

    /// <returns>null if a key is missing, without which the version refuses the file</returns>
    private static RopeOptions? Scaling(JsonSection root, JsonSection rope, ModelFamily family, RopeType type, int version)
    {
        int window = root.Positive("max_position_embeddings");
        int? inside = rope.OptionalPositive(RopeConfigReader.OriginalKey);
        int? outside = root.OptionalPositive(RopeConfigReader.OriginalKey) ?? family.DefaultOriginalLength;
        int? original = (version, type) switch
        {
            (_, RopeType.Linear or RopeType.DynamicNtk) => window,
            (5, _) => outside ?? inside ?? window,
            (_, RopeType.LongRope) => outside ?? window,
            (_, RopeType.Llama3) => inside,
            _ => inside ?? window,
        };
        if (original is not { } length)
        {
            return null;
        }
        double? factor = rope.OptionalDouble("factor");
        if (factor is null && (type is RopeType.Linear or RopeType.DynamicNtk or RopeType.Llama3))
        {
            return null;
        }
        bool isOfTheWindows = factor is null
            || (version == 4 && ((type == RopeType.Yarn && inside is not null) || (type == RopeType.LongRope && outside is not null)));
        if (isOfTheWindows && window != RopeFrequency.ExtendedLength(length, factor ?? 0))
        {
            factor = Math.Max(1, (double)window / length);
        }
        var options = new RopeOptions { Type = type, Factor = factor!.Value, OriginalMaxPositionEmbeddings = length };
        return type switch
        {
            RopeType.Yarn => options with
            {
                BetaFast = rope.Double("beta_fast", options.BetaFast),
                BetaSlow = rope.Double("beta_slow", options.BetaSlow),
                AttentionFactor = rope.OptionalDouble("attention_factor") ?? RopeConfigReader.ScaleByTwoTerms(rope, factor.Value),
            },
            RopeType.Llama3 => options with
            {
                LowFreqFactor = rope.Double("low_freq_factor", options.LowFreqFactor),
                HighFreqFactor = rope.Double("high_freq_factor", options.HighFreqFactor),
            },
            RopeType.LongRope => options with
            {
                ShortFactor = rope.Doubles("short_factor"),
                LongFactor = rope.Doubles("long_factor"),
                AttentionFactor = rope.OptionalDouble("attention_factor"),
            },
            _ => options,
        };
    }
}
