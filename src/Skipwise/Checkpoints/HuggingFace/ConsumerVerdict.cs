using System.Text.Json.Nodes;
using Skipwise.Models;
using Skipwise.Rope;

namespace Skipwise.Checkpoints.HuggingFace;

/// <summary>Whether a program computes from a config.json the rotation that a model was trained with.</summary>
/// <param name="Difference">of the program's rotation; null if it refuses the file or rotates another number of dimensions</param>
/// <param name="Differs">what it does instead; null if it computes the same</param>
/// <param name="Runs">whether it runs the file at all; a program that refuses does no harm in silence</param>
internal sealed record ConsumerVerdict(RotationDifference? Difference, string? Differs, bool Runs)
{
    private const double Tolerance = 1e-6;

    /// <summary>Compares.</summary>
    /// <param name="raw">the file</param>
    /// <param name="model">as it was trained</param>
    /// <param name="program">one that reads such a file</param>
    public static ConsumerVerdict Of(JsonObject raw, ModelFamily family, DecoderConfig model, ExportTarget program)
    {
        try
        {
            ConsumerReading found = ConsumerReading.By(program, raw, family, model);
            if (found.Rope is not { } rope)
            {
                return new(null, found.Refusal, Runs: false);
            }
            if (found.RotaryDim != model.RotaryDim)
            {
                return new(null, $"it rotates {found.RotaryDim} of {model.HeadDim} dimensions of each head, where {model.RotaryDim} are "
                    + $"meant: it looks for {family.RotaryFractionKeys[0]} alone", Runs: true);
            }
            var difference = RotationDifference.Of(length => RopeFrequency.Compute(rope, model.RotaryDim, length), model);
            return new(difference, difference.IsWithin(Tolerance) ? null
                : family.RopeIsFixedElsewhere ? $"the code of {family.ModelType} has its base of 10000 and no scaling built in"
                : found.Describe(), Runs: true);
        }
        catch (SkipwiseException e) // a key of the wrong type, a list of another length
        {
            return new(null, $"it cannot use the file: {e.Message}", Runs: false);
        }
    }
}
