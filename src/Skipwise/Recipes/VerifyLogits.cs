using System.Text.Json.Nodes;
using Skipwise.Checkpoints.Formats;
using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Models;
using Skipwise.Runtime;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Recipes;

/// <summary>A model, and another program's logits of it.</summary>
public sealed record VerifyLogitsOptions
{
    /// <summary>Hugging Face folder, or a GGUF file</summary>
    [PathName]
    public required string Model { get; init; }
    /// <summary>safetensors file with <c>input_ids</c>, and <c>position_ids.NAME</c> with <c>logits.NAME</c> for every NAME</summary>
    [PathName]
    public required string Reference { get; init; }
    /// <summary>RoPE scaling in place of config.json's; null members keep what config.json says</summary>
    public RopeOverrides Rope { get; init; } = new();
    /// <summary>device and element type</summary>
    public ComputeOptions Compute { get; init; } = new();
    /// <summary>folder of a LoRA adapter in PEFT's layout, merged into the weights; null for none</summary>
    [PathName]
    public string? Adapter { get; init; }
    /// <summary>largest absolute difference that passes</summary>
    [Within(0, 1e9)]
    public double Tolerance { get; init; } = 1e-4;
}

/// <summary>Differences of the logits of one NAME.</summary>
/// <param name="Largest">largest absolute difference; NaN if either side has one</param>
/// <param name="Passes">whether it is within the tolerance</param>
public sealed record LogitsDifference(string Name, double Largest, bool Passes);

/// <summary>The differences, and advice if they are too large.</summary>
public sealed record Verification(IReadOnlyList<LogitsDifference> Differences, string? Hint)
{
    /// <summary>whether every difference is within its tolerance</summary>
    public bool Passes => Differences.All(difference => difference.Passes);
}

/// <summary>
/// Compares this program's logits with another program's, for any positions: lets a user check that both compute the same.
/// </summary>
public static class VerifyLogits
{
    // B batch, T tokens, V vocabulary
    private const string Ids = "input_ids", PositionPrefix = "position_ids.", LogitsPrefix = "logits.";

    /// <exception cref="SkipwiseException">
    /// a model or reference that cannot be read, a pair without its other half, a wrong shape, an id outside the vocabulary
    /// </exception>
    /// <example>
    /// <code>
    /// Verification verification = VerifyLogits.Run(new() { Model = "llama-32k", Reference = "logits.safetensors" });
    /// Console.WriteLine(verification.Passes ? "the same function" : verification.Hint);
    /// </code>
    /// </example>
    public static Verification Run(VerifyLogitsOptions options, IProgress<string>? note = null, CancellationToken cancel = default)
    {
        OptionCheck.Require("Verification", options);
        using SafetensorsFile reference = SafetensorsFile.Open(options.Reference);
        IReadOnlyList<string> names = Names(reference);
        using PretrainedModel pretrained =
            ModelLoader.Load(new ModelSource(options.Model, options.Rope, Adapter: options.Adapter), options.Compute, note);
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        Tensor ids = Read(reference, Ids); // [B, T]
        RequireRange(reference, Ids, ids, pretrained.Model.Config.VocabSize, "the model's vocabulary");
        var differences = new List<LogitsDifference>();
        foreach (string name in names)
        {
            cancel.ThrowIfCancellationRequested();
            double largest = Largest(pretrained.Model, reference, ids, name);
            differences.Add(new(name, largest, largest <= options.Tolerance));
        }
        bool passes = differences.TrueForAll(difference => difference.Passes);
        return new(differences, passes || options.Rope.Type is not null ? null : Hint(pretrained.Config));
    }

    private static List<string> Names(SafetensorsFile reference)
    {
        if (!reference.Tensors.ContainsKey(Ids))
        {
            throw new SkipwiseException($"{reference.Path}: tensor {Ids} is missing. Save the token ids [batch, tokens] under that name.");
        }
        List<string> Named(string prefix) =>
            [.. reference.Tensors.Keys.Where(key => key.StartsWith(prefix, StringComparison.Ordinal)).Select(key => key[prefix.Length..])
                .Order(StringComparer.Ordinal)];
        List<string> positions = Named(PositionPrefix), logits = Named(LogitsPrefix);
        if (positions.Except(logits).FirstOrDefault() is { } unanswered)
        {
            throw new SkipwiseException(
                $"{reference.Path}: tensor {PositionPrefix}{unanswered} has no {LogitsPrefix}{unanswered} next to it. Save both.");
        }
        if (logits.Except(positions).FirstOrDefault() is { } unplaced)
        {
            throw new SkipwiseException(
                $"{reference.Path}: tensor {LogitsPrefix}{unplaced} has no {PositionPrefix}{unplaced} next to it. Save both.");
        }
        return logits.Count > 0
            ? logits
            : throw new SkipwiseException(
                $"{reference.Path}: holds no pair {PositionPrefix}NAME and {LogitsPrefix}NAME. Save at least one, such as " +
                $"{LogitsPrefix}contiguous.");
    }

    private static double Largest(CausalLM model, SafetensorsFile reference, Tensor ids, string name)
    {
        using var scope = NewDisposeScope();
        Tensor positions = Read(reference, PositionPrefix + name); // [B, T] or [1, T]
        if (positions.size(1) != ids.size(1) || (positions.size(0) != 1 && positions.size(0) != ids.size(0)))
        {
            throw Shape(reference, PositionPrefix + name, ids.shape);
        }
        RequireRange(reference, PositionPrefix + name, positions, int.MaxValue, "what a position can be");
        TensorEntry entry = reference.Tensors[LogitsPrefix + name];
        long[] expected = [ids.size(0), ids.size(1), model.Config.VocabSize];
        if (!entry.Shape.SequenceEqual(expected) || !entry.Type.IsFloat)
        {
            throw Shape(reference, entry.Name, expected);
        }
        Tensor theirs = reference.Read(entry).to(ScalarType.Float64);
        Tensor ours = model.Logits(ids.to(model.Device), positions.to(model.Device)).to(ScalarType.Float64, CPU);
        return (ours - theirs).abs().max().ToDouble();
    }

    /// <summary>Integers [B, T]; a list counts as one row.</summary>
    private static Tensor Read(SafetensorsFile reference, string name)
    {
        TensorEntry entry = reference.Tensors[name];
        if (entry.Type.Name is not ("I64" or "I32") || entry.Shape.Count is not (1 or 2) || entry.Shape.Contains(0))
        {
            throw new SkipwiseException($"{reference.Path}: tensor {name}: expected I64 [batch, tokens], found {entry}.");
        }
        Tensor read = reference.Read(entry).to(ScalarType.Int64);
        return read.dim() == 1 ? read.unsqueeze(0) : read;
    }

    private static void RequireRange(SafetensorsFile reference, string name, Tensor values, long limit, string what)
    {
        long least = values.min().ToInt64(), most = values.max().ToInt64();
        if (least < 0 || most >= limit)
        {
            throw new SkipwiseException(
                $"{reference.Path}: tensor {name}: {(least < 0 ? least : most)} is outside {what} (0 to {limit - 1}). Does the reference " +
                $"belong to this model?");
        }
    }

    private static SkipwiseException Shape(SafetensorsFile reference, string name, long[] expected) =>
        new($"{reference.Path}: tensor {name}: expected [{string.Join(", ", expected)}], found {reference.Tensors[name]}. Does the " +
            $"reference belong to this model?");

    /// <summary>
    /// Advice about config.json files of the PoSE reference code, which writes "type": "yarn" and computes its own variant of it for Llama
    /// models.
    /// </summary>
    private static string? Hint(HfConfig config) =>
        config.Raw["rope_scaling"] is JsonObject rope && (string?)rope["type"] == "yarn" && rope["rope_type"] is null
            ? "config.json has the PoSE reference code's rope keys, whose \"yarn\" is another function: try " +
                $"{OptionName.Of(nameof(RopeOverrides.Type))} yarn-revised."
            : null;
}
