using System.Text.Json.Nodes;
using Skipwise.Models;
using Skipwise.Rope;
using Skipwise.Storage;

namespace Skipwise.Checkpoints.HuggingFace;

/// <summary>Whether a program computes from a config.json the rotation that a model was trained with.</summary>
/// <param name="Difference">of the program's rotation; null if it refuses the file or rotates another number of dimensions</param>
/// <param name="Differs">what it does instead; null if it computes the same</param>
/// <param name="Runs">whether it may run the file; a program that is known to refuse it does no harm in silence</param>
internal sealed record ConsumerVerdict(RotationDifference? Difference, string? Differs, bool Runs)
{
    private static readonly string[] s_sections = ["rope_scaling", "rope_parameters"];

    /// <summary>Compares.</summary>
    /// <param name="raw">the file</param>
    /// <param name="model">as it was trained</param>
    /// <param name="program">one that reads such a file</param>
    public static ConsumerVerdict Of(JsonObject raw, ModelFamily family, DecoderConfig model, ExportTarget program)
    {
        try
        {
            var root = new JsonSection(HfConfig.FileName, "", raw) { Names = family.KeyNames, Defaults = family.Defaults };
            if (HeadDim(root) is { } width && width != model.HeadDim)
            {
                return new(null, $"it has heads of {width} dimensions, expected {model.HeadDim}", Runs: true);
            }
            if (Strange(root) is { } key)
            {
                return new(null, $"what it makes of {key} is not known", Runs: true);
            }
            ConsumerReading found = ConsumerReading.By(program, raw, family, model);
            if (found.Rope is not { } rope)
            {
                return new(null, found.Refusal, Runs: false);
            }
            if (found.RotaryDim != model.RotaryDim)
            {
                return new(null, $"it rotates {found.RotaryDim} of {model.HeadDim} dimensions of each head, where {model.RotaryDim} are " +
                    $"meant: it looks for {family.RotaryFractionKeys.FirstOrDefault("rotary_dim")} alone", Runs: true);
            }
            var difference = RotationDifference.Of(length => RopeFrequency.Compute(rope, model.RotaryDim, length), model);
            return new(difference, difference.IsNone ? null
                : family.RopeIsFixedElsewhere ? $"the code of {family.ModelType} has its base of 10000 and no scaling built in"
                : found.Describe(), Runs: true);
        }
        catch (SkipwiseException e) // a value that is none or out of range, which the program may take with a warning or none
        {
            return new(null, $"what it computes is not known: {e.Message}", Runs: true);
        }
    }

    private static int? HeadDim(JsonSection root) => root.OptionalPositive("head_dim")
        ?? (root.OptionalPositive("hidden_size") is { } hidden && root.OptionalPositive("num_attention_heads") is { } heads
            ? hidden / heads : null);

    /// <summary>A key by which some program may compute other frequencies, and of which Skipwise does not know how.</summary>
    private static string? Strange(JsonSection root) => s_sections.Select(root.Section).OfType<JsonSection>()
        .SelectMany(section => section.Json.Select(pair => pair.Key)
            .Where(key => !RopeConfigReader.IsKnown(key) || (key == "truncate" && !section.Bool(key, true)))
            .Select(key => section.Prefix + key))
        .FirstOrDefault();
}
