using System.Globalization;
using Skipwise.Models;
using Skipwise.Rope;
using Skipwise.Storage;

namespace Skipwise.Checkpoints.HuggingFace;

/// <summary>
/// Warnings for the user about the rope of a config.json: files that can be read in two ways, and keys that programs or their versions
/// read differently.
/// </summary>
internal static class RopeWarnings
{
    private const string OfFour = "rope_scaling."; // transformers 4 reads this section and not rope_parameters

    private static readonly string[] s_originalsKeys = ["type", "factor", RopeConfigReader.OriginalKey];

    /// <summary>The warnings of a file.</summary>
    /// <param name="root">the whole file, which was read without an error</param>
    /// <param name="model">the model that was read from it</param>
    /// <returns>sentences that name file and key; none if programs agree on the file</returns>
    public static IReadOnlyList<string> For(JsonSection root, ModelFamily family, DecoderConfig model)
    {
        JsonSection[] sections = RopeConfigReader.Sections(root);
        if (sections.Length == 0)
        {
            return [];
        }
        JsonSection rope = sections[0];
        string?[] warnings =
        [
            Original(root, rope, family, model), Window(root, rope, model), Factor(root, rope, model), OriginalsYarn(root, rope, family),
            .. Overlooked(root, sections, family),
        ];
        return [.. warnings.OfType<string>()];
    }

    /// <summary>Warns if the original window is stated twice, or in a place that not every program reads.</summary>
    private static string? Original(JsonSection root, JsonSection rope, ModelFamily family, DecoderConfig model)
    {
        const string Key = RopeConfigReader.OriginalKey;
        int? outside = root.OptionalPositive(Key), inside = rope.OptionalPositive(Key);
        int stated = root.Positive("max_position_embeddings");
        return model.Rope.Type switch
        {
            RopeType.DynamicNtk when (outside ?? inside ?? stated) != stated =>
                root.About(Key, $"{outside ?? inside} is not read under dynamic: there every program takes max_position_embeddings, "
                    + $"{stated}, for the original window"),
            RopeType.Yarn or RopeType.Llama3 or RopeType.LongRope when outside is not null && inside is not null && outside != inside =>
                root.About(Key, $"{outside} is used, as in transformers 5, but {rope.Prefix}{Key} is {inside}, which other programs use. "
                    + "Give both the window that the base model was trained with"),
            RopeType.Yarn or RopeType.Llama3 when rope.Prefix == OfFour && outside is not null && inside is null && outside != stated =>
                root.About(Key, $"{outside} is used, as in transformers 5; transformers 4 looks for it inside of rope_scaling alone"
                    + (model.Rope.Type == RopeType.Yarn ? $" and would scale a window of {stated} tokens" : "")),
            RopeType.LongRope when outside is null && inside is not null
                && family.DefaultOriginalLength is { } builtIn && inside != builtIn =>
                rope.About(Key, $"{inside} is used, but transformers looks for it outside of {rope.Prefix.TrimEnd('.')} alone "
                    + $"and takes {builtIn}, the family's own, where it finds none"),
            _ => null,
        };
    }

    /// <summary>Warns if a linear scaling does not state whether its window is the original or the extended one.</summary>
    private static string? Window(JsonSection root, JsonSection rope, DecoderConfig model)
    {
        if (model.Rope.Type != RopeType.Linear || root.Has(RopeConfigReader.OriginalKey) || rope.Has(RopeConfigReader.OriginalKey))
        {
            return null;
        }
        int stated = root.Positive("max_position_embeddings");
        return RopeConfigReader.LinearOriginal(root, stated, model.Rope.Factor).IsGuess
            ? root.About("max_position_embeddings", $"can be read in two ways: {stated} is taken for the extended window, of a model "
                + $"of originally {model.Rope.OriginalMaxPositionEmbeddings} tokens. "
                + $"If it is the base model's own, say {OptionName.Of(nameof(RopeOverrides.OriginalLength))} {stated}")
            : null;
    }

    /// <summary>Warns about YaRN's factor, which some releases derive from the two windows.</summary>
    private static string? Factor(JsonSection root, JsonSection rope, DecoderConfig model)
    {
        if (model.Rope.Type != RopeType.Yarn || rope.Prefix != OfFour
            || rope.OptionalPositive(RopeConfigReader.OriginalKey) is not { } inside || inside != model.Rope.OriginalMaxPositionEmbeddings)
        {
            return null;
        }
        double quotient = (double)root.Positive("max_position_embeddings") / inside;
        return Math.Abs(quotient - model.Rope.Factor) > 1e-3 * model.Rope.Factor
            ? rope.About("factor", string.Create(CultureInfo.InvariantCulture,
                $"{model.Rope.Factor} is used; transformers 4.52 to 4.57 divide max_position_embeddings "
                + $"by {RopeConfigReader.OriginalKey} instead, which gives {quotient:0.###}"))
            : null;
    }

    /// <summary>
    /// Warns about "yarn" in files that look like those of the PoSE reference code. "yarn" means the published YaRN. The reference code
    /// uses it for something else: for Llama and Baichuan a revised formula, for GPT-J a fixed original length. Nothing is guessed.
    /// </summary>
    private static string? OriginalsYarn(JsonSection root, JsonSection rope, ModelFamily family)
    {
        if (rope.OptionalString("type") != "yarn" || rope.Json.Any(pair => !s_originalsKeys.Contains(pair.Key))
            || root.Has(RopeConfigReader.OriginalKey))
        {
            return null;
        }
        int window = root.Positive("max_position_embeddings");
        if (!rope.Has(RopeConfigReader.OriginalKey))
        {
            return root.About("rope_scaling", $"names no original_max_position_embeddings, so yarn scales a window of {window} tokens. "
                + $"The original repository's GPT-J code means 2048: say {OptionName.Of(nameof(RopeOverrides.OriginalLength))} if the base "
                + "model's window was another");
        }
        return family.OriginalCodeUsesRevisedYarn
            && window == RopeFrequency.ExtendedLength(rope.Positive(RopeConfigReader.OriginalKey), rope.Double("factor"))
            ? root.About("rope_scaling", "looks like the original PoSE repository's, whose yarn is another function than the published "
                + $"one: say {OptionName.Of(nameof(RopeOverrides.Type))} yarn-revised if the model comes from there")
            : null;
    }

    /// <summary>Warns about keys that only rope_parameters has, if there is also a rope_scaling: programs read one of the two.</summary>
    private static IEnumerable<string> Overlooked(JsonSection root, JsonSection[] sections, ModelFamily family)
    {
        if (sections is not [JsonSection older, JsonSection newer])
        {
            yield break;
        }
        foreach ((string key, IReadOnlyList<string> outside, double builtIn) in new[]
        {
            ("rope_theta", family.ThetaKeys, RopeConfigReader.DefaultTheta),
            ("partial_rotary_factor", family.RotaryFractionKeys, family.DefaultRotaryFraction),
        })
        {
            if (newer.OptionalDouble(key) is { } stated && stated != builtIn && outside.Count > 0 && !older.Has(key)
                && !outside.Any(root.Has))
            {
                yield return newer.About(key, string.Create(CultureInfo.InvariantCulture,
                    $"{stated} is used, but programs that find rope_scaling do not look here and take {builtIn}. "
                    + $"State {outside[0]} outside, too"));
            }
        }
    }
}
