using Skipwise.Models;
using Skipwise.Rope;
using Skipwise.Storage;

namespace Skipwise.Checkpoints.HuggingFace;

/// <summary>
/// Reads the rope keys of a config.json: <c>rope_theta</c> and <c>rope_scaling</c> (with <c>type</c> or <c>rope_type</c>), or transformers
/// 5's <c>rope_parameters</c>. Nothing is guessed: "yarn" is the published YaRN.
/// </summary>
internal static class RopeConfigReader
{
    private static readonly Dictionary<string, RopeType> s_types = new()
    {
        ["default"] = RopeType.Default,
        ["none"] = RopeType.Default,
        ["linear"] = RopeType.Linear,
        ["dynamic"] = RopeType.DynamicNtk,
        ["vanilla_ntk"] = RopeType.Ntk,
        ["yarn"] = RopeType.Yarn,
        ["llama3"] = RopeType.Llama3,
        ["longrope"] = RopeType.LongRope,
        ["su"] = RopeType.LongRope, // Phi-3's first files
    };

    public const string OriginalKey = "original_max_position_embeddings";
    /// <summary>Vicuna's key of the extended window</summary>
    public const string ExtendedKey = "max_sequence_length";
    public const double DefaultTheta = 10000;

    // An unknown rope key may change every frequency, so it is an error and not a warning.
    private static readonly HashSet<string> s_knownKeys =
    [
        "type", "rope_type", "rope_theta", "factor", "original_max_position_embeddings", "attention_factor", "beta_fast", "beta_slow",
        "mscale",
        "mscale_all_dim", "truncate", "low_freq_factor", "high_freq_factor", "short_factor", "long_factor", "short_mscale", "long_mscale",
        "partial_rotary_factor", "finetuned",
    ];

    /// <summary>Reads <see cref="DecoderConfig.Rope"/> and the window of this rope.</summary>
    /// <param name="root">the whole file</param>
    /// <param name="model">its MaxPositionEmbeddings as stated in the file: original or extended, depending on the type</param>
    /// <param name="family">defines the keys</param>
    public static DecoderConfig Read(JsonSection root, DecoderConfig model, ModelFamily family)
    {
        JsonSection[] sections = Sections(root);
        double theta = Theta(root, sections, family);
        // Files have these keys even if their rope type does not use them.
        root.Has(OriginalKey);
        root.Has(ExtendedKey);
        DecoderConfig[] readings = [.. sections.Select(section => ReadSection(root, section, model, theta, family))];
        if (readings.Length == 2 && !AreEqual(readings[0], readings[1]))
        {
            throw root.Error("rope_parameters", "says something else than rope_scaling. Programs differ in which of the two they read: "
                + "remove the one that the model was not trained with");
        }
        DecoderConfig read = readings.Length > 0 ? readings[0] : Plain(model, theta);
        try
        {
            RopeFrequency.Validate(read.Rope, read.RotaryDim);
            return read;
        }
        catch (SkipwiseException e)
        {
            throw new SkipwiseException($"{root.File}: {e.Message}", e);
        }
    }

    /// <summary>Whether a scaling's section may have the key.</summary>
    internal static bool IsKnown(string key) => s_knownKeys.Contains(key);

    /// <summary>
    /// The sections that hold a scaling: rope_scaling, rope_parameters, or both. Every program treats an empty one as absent.
    /// </summary>
    public static JsonSection[] Sections(JsonSection root) =>
        [.. ((string[])["rope_scaling", "rope_parameters"]).Select(root.Section).OfType<JsonSection>().Where(rope => rope.Json.Count > 0)];

    private static double Theta(JsonSection root, JsonSection[] sections, ModelFamily family)
    {
        ConfigNumber[] stated =
        [
            .. ConfigNumber.In(root, family.ThetaKeys), .. sections.SelectMany(section => ConfigNumber.In(section, ["rope_theta"])),
        ];
        if (stated.FirstOrDefault(other => other.Value != stated[0].Value) is { } different)
        {
            throw different.Contradicts(stated[0]);
        }
        return stated.Length == 0 ? DefaultTheta
            : stated[0].Value is var theta and > 1 && double.IsFinite(theta) ? theta
            : throw stated[0].Wrong(FormattableString.Invariant($"expected a number > 1, found {stated[0].Value}"));
    }

    private static DecoderConfig Plain(DecoderConfig model, double theta) =>
        model with { Rope = new RopeOptions { Theta = theta, OriginalMaxPositionEmbeddings = model.MaxPositionEmbeddings } };

    private static DecoderConfig ReadSection(JsonSection root, JsonSection rope, DecoderConfig model, double theta, ModelFamily family)
    {
        if (rope.Json.Select(pair => pair.Key).FirstOrDefault(key => !s_knownKeys.Contains(key)) is string stranger)
        {
            throw rope.Error(stranger, $"unknown, and it may change the frequencies; known: {string.Join(", ", s_knownKeys)}");
        }
        if (rope.OptionalDouble("partial_rotary_factor") is double fraction
            && DecoderConfigReader.RotaryDim(model.HeadDim, fraction) != model.RotaryDim)
        {
            throw rope.Error("partial_rotary_factor", FormattableString.Invariant(
                $"found {fraction}, but {model.RotaryDim} of {model.HeadDim} dimensions rotate by the keys outside. Make them agree"));
        }
        if (!rope.Bool("truncate", true))
        {
            throw rope.Error("truncate", "only true is supported");
        }
        RopeType type = TypeOf(rope);
        if (type == RopeType.Default)
        {
            return Plain(model, theta);
        }
        int stated = model.MaxPositionEmbeddings;
        int? original = OriginalLength(root, rope);
        if (type == RopeType.LongRope)
        {
            return LongRope(rope, model, theta, original ?? family.DefaultOriginalLength ?? stated);
        }
        double factor = Factor(rope);
        // Whether max_position_embeddings is the original window or the extended one is a convention of each type.
        int length = type switch
        {
            RopeType.DynamicNtk => stated,
            RopeType.Yarn or RopeType.Llama3 => original ?? stated,
            _ => original ?? LinearOriginal(root, stated, factor).Length,
        };
        // A stated window larger than the original is already the extended one.
        int window = type is RopeType.DynamicNtk or RopeType.Yarn ? Math.Max(stated, RopeFrequency.ExtendedLength(length, factor))
            : stated > length ? stated
            : RopeFrequency.ExtendedLength(length, factor);
        var options = new RopeOptions { Type = type, Theta = theta, Factor = factor, OriginalMaxPositionEmbeddings = length };
        return model with
        {
            MaxPositionEmbeddings = window,
            Rope = type switch
            {
                RopeType.Yarn => options with
                {
                    BetaFast = rope.Double("beta_fast", options.BetaFast),
                    BetaSlow = rope.Double("beta_slow", options.BetaSlow),
                    AttentionFactor = rope.OptionalDouble("attention_factor") ?? ScaleByTwoTerms(rope, factor),
                },
                RopeType.Llama3 => options with
                {
                    LowFreqFactor = rope.Double("low_freq_factor", options.LowFreqFactor),
                    HighFreqFactor = rope.Double("high_freq_factor", options.HighFreqFactor),
                },
                _ => options,
            },
        };
    }

    /// <summary>
    /// The original window. The top-level key takes precedence over the one in the section, as in transformers 5 (and in 4 for longrope).
    /// </summary>
    private static int? OriginalLength(JsonSection root, JsonSection rope) =>
        root.OptionalPositive(OriginalKey) ?? rope.OptionalPositive(OriginalKey);

    /// <summary>
    /// The original window of a linear scaling that does not state it. Files of the PoSE reference code have the extended window in
    /// max_position_embeddings. transformers documents that the original stays there; Vicuna does so and has the extended window in
    /// max_sequence_length.
    /// </summary>
    /// <returns>the window, and whether the file can also be read the other way</returns>
    internal static (int Length, bool IsGuess) LinearOriginal(JsonSection root, int stated, double factor)
    {
        int? extended = root.OptionalPositive(ExtendedKey);
        return extended == RopeFrequency.ExtendedLength(stated, factor) ? (stated, false)
            : (Math.Max(1, (int)Math.Round(stated / factor)), extended != stated && factor != 1);
    }

    private static RopeType TypeOf(JsonSection rope)
    {
        string? newer = rope.OptionalString("rope_type");
        string? older = rope.OptionalString("type");
        if (newer is not null && older is not null && newer != older)
        {
            throw rope.Error("type",
                $"found \"{older}\", but rope_type is \"{newer}\". Remove the one that the model was not trained with");
        }
        // transformers 5 omits rope_type if it is default
        string name = newer ?? older ?? "default";
        return s_types.TryGetValue(name, out RopeType type) ? type
            : throw rope.Error(newer is null ? "type" : "rope_type",
                $"unknown rope type \"{name}\"; known: {string.Join(", ", s_types.Keys)}");
    }

    private static double Factor(JsonSection rope) =>
        rope.Double("factor") is double factor and >= 1 && double.IsFinite(factor)
        ? factor
        : throw rope.Error("factor", $"expected a number >= 1, found {rope.Json["factor"]!.ToJsonString()}");

    /// <summary>YaRN's two-term scale (DeepSeek): (0.1 m ln s + 1) / (0.1 m_all ln s + 1); null if the file has neither.</summary>
    internal static double? ScaleByTwoTerms(JsonSection rope, double factor) =>
        rope.OptionalDouble("mscale") is double one && rope.OptionalDouble("mscale_all_dim") is double all
            ? ((0.1 * one * Math.Log(factor)) + 1) / ((0.1 * all * Math.Log(factor)) + 1)
            : null;

    private static DecoderConfig LongRope(JsonSection rope, DecoderConfig model, double theta, int length)
    {
        double? shortScale = rope.OptionalDouble("short_mscale"), longScale = rope.OptionalDouble("long_mscale");
        if (shortScale != longScale)
        {
            throw rope.Error("short_mscale", "differs from long_mscale; only equal scales are supported");
        }
        return model with
        {
            Rope = new RopeOptions
            {
                Type = RopeType.LongRope,
                Theta = theta,
                Factor = rope.Has("factor") ? Factor(rope) : Math.Max(1, (double)model.MaxPositionEmbeddings / length),
                OriginalMaxPositionEmbeddings = length,
                ShortFactor = Divisors(rope, "short_factor", model.RotaryDim / 2),
                LongFactor = Divisors(rope, "long_factor", model.RotaryDim / 2),
                AttentionFactor = rope.OptionalDouble("attention_factor") ?? longScale,
            },
        };
    }

    private static IReadOnlyList<double> Divisors(JsonSection rope, string key, int count)
    {
        IReadOnlyList<double> divisors = rope.Doubles(key);
        return divisors.Count == count && divisors.All(d => d > 0 && double.IsFinite(d)) ? divisors
            : throw rope.Error(key, $"expected {count} numbers > 0, one per dimension pair, found {divisors.Count}");
    }

    private static bool AreEqual(DecoderConfig a, DecoderConfig b)
    {
        static DecoderConfig WithoutLists(DecoderConfig m) => m with { Rope = m.Rope with { ShortFactor = null, LongFactor = null } };
        return WithoutLists(a) == WithoutLists(b)
            && (a.Rope.ShortFactor ?? []).SequenceEqual(b.Rope.ShortFactor ?? [])
            && (a.Rope.LongFactor ?? []).SequenceEqual(b.Rope.LongFactor ?? []);
    }
}
