using System.Globalization;
using System.Text.Json.Nodes;
using Skipwise.Models;
using Skipwise.Rope;

namespace Skipwise.Checkpoints.HuggingFace;

/// <summary>What a program makes of the RoPE of a config.json: the scaling that it computes, or why it refuses the file.</summary>
/// <param name="Rope">in the words of Skipwise, computing the program's frequencies; null if it refuses the file</param>
/// <param name="RotaryDim">dimensions of each head that it rotates</param>
/// <param name="Refusal">what it does instead of running the file; null if it runs it</param>
internal sealed record ConsumerReading(RopeOptions? Rope, int RotaryDim, string? Refusal = null)
{
    /// <summary>What a program computes from a config.json.</summary>
    /// <param name="program">one that reads such a file</param>
    /// <param name="raw">all keys of the file</param>
    /// <param name="family">that it names</param>
    /// <param name="model">whose heads they are</param>
    /// <exception cref="SkipwiseException">a key of the wrong type, or missing where the program uses it</exception>
    public static ConsumerReading By(ExportTarget program, JsonObject raw, ModelFamily family, DecoderConfig model) => program switch
    {
        ExportTarget.Transformers4 => TransformersRope.Read(raw, family, model, 4),
        ExportTarget.Transformers5 => TransformersRope.Read(raw, family, model, 5),
        ExportTarget.Vllm => VllmRope.Read(raw, family, model),
        ExportTarget.Mlx => MlxRope.Read(raw, family, model),
        _ => throw new ArgumentOutOfRangeException(nameof(program), program, "reads no config.json"),
    };

    /// <summary>All that a program computes from a config.json, or why it does not: equal texts for equal rotations.</summary>
    /// <inheritdoc cref="By" path="/param"/>
    public static string Signature(ExportTarget program, JsonObject raw, ModelFamily family, DecoderConfig model)
    {
        try
        {
            ConsumerReading found = By(program, raw, family, model);
            IEnumerable<RopeFrequencies> rotations = found.Rope is not { } rope || found.RotaryDim != model.RotaryDim ? []
                : ((int[])[1, model.MaxPositionEmbeddings]).Select(length => RopeFrequency.Compute(rope, found.RotaryDim, length));
            IEnumerable<double> numbers = rotations.SelectMany(rotation => (double[])[.. rotation.InvFreq, rotation.AttentionFactor]);
            return $"{found.Refusal}{found.RotaryDim} " +
                string.Join(' ', numbers.Select(number => number.ToString("R", CultureInfo.InvariantCulture)));
        }
        catch (SkipwiseException e)
        {
            return e.Message;
        }
    }

    /// <summary>A reading that is none.</summary>
    public static ConsumerReading Refused(string reason) => new(null, 0, reason);

    /// <summary>The scaling in words.</summary>
    public string Describe() => Refusal ?? (Rope!.Type == RopeType.Default
        ? FormattableString.Invariant($"it reads no scaling, and {Rope.Theta:0.####} for the base")
        : string.Create(CultureInfo.InvariantCulture, $"it reads {RopeTypeNames.NameOf(Rope.Type)} by {Rope.Factor:0.####} of a window of "
            + $"{Rope.OriginalMaxPositionEmbeddings} tokens, and {Rope.Theta:0.####} for the base"));
}
