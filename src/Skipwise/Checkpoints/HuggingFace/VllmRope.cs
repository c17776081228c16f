using System.Text.Json.Nodes;
using Skipwise.Models;
using Skipwise.Rope;
using Skipwise.Storage;

namespace Skipwise.Checkpoints.HuggingFace;

/// <summary>Computes from the RoPE keys of a config.json what vLLM does. It finds them through transformers, and has formulas of its
/// own.</summary>
internal static class VllmRope
{
    /// <summary>What vLLM computes if it is started with the file's window.</summary>
    /// <inheritdoc cref="TransformersRope.Read"/>
    public static ConsumerReading Read(JsonObject raw, ModelFamily family, DecoderConfig model)
    {
        if (raw["rope_scaling"] is JsonObject stated && stated.Any(pair => pair.Key is "type" or "rope_type"
            && pair.Value is JsonValue value && value.TryGetValue(out string? type) && type == "ntk"))
        {
            throw new SkipwiseException("vLLM has a formula of its own for a rope of type ntk");
        }
        ConsumerReading found = TransformersRope.Read(raw, family, model, 5);
        if (found.Rope is not { Type: not RopeType.Default } rope)
        {
            return found;
        }
        if (MlxRope.ReadsBaseOnly(family))
        {
            return found with { Rope = new RopeOptions { Theta = rope.Theta } };
        }
        var root = new JsonSection(HfConfig.FileName, "", raw) { Names = family.KeyNames };
        JsonSection section = root.Section("rope_scaling") is { Json.Count: > 0 } older ? older : root.Section("rope_parameters")!;
        return found with
        {
            Rope = rope.Type switch
            {
                // every text is scaled as one that fills the window, which it takes for the factor times the stated one
                RopeType.DynamicNtk => new RopeOptions
                {
                    Theta = RopeFrequency.NtkTheta(rope.Theta, (rope.Factor * rope.Factor) - rope.Factor + 1, found.RotaryDim),
                },
                RopeType.LongRope => OneList(rope, section, root.Positive("max_position_embeddings")),
                _ => rope,
            },
        };
    }

    /// <summary>The list that the window decides on, not the length of the text; the attention factor has a name of its own.</summary>
    private static RopeOptions OneList(RopeOptions rope, JsonSection section, int window)
    {
        IReadOnlyList<double> list = window > rope.OriginalMaxPositionEmbeddings ? rope.LongFactor! : rope.ShortFactor!;
        return rope with
        {
            ShortFactor = list,
            LongFactor = list,
            Factor = Math.Max(1, (double)window / rope.OriginalMaxPositionEmbeddings),
            AttentionFactor = section.OptionalDouble("long_mscale"),
        };
    }
}
