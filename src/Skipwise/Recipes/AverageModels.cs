using Skipwise.Checkpoints.Formats;
using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Hub;
using Skipwise.Models;
using Skipwise.Storage;
using Skipwise.Tokenizers;

namespace Skipwise.Recipes;

/// <summary>A base model, a model tuned from it, and where between them the new one lies.</summary>
public sealed record AverageModelsOptions
{
    /// <summary>Hugging Face folder of the base model</summary>
    [PathName]
    public required string Model { get; init; }
    /// <summary>Hugging Face folder of the tuned model, whose configuration and tokenizer the new one gets</summary>
    [PathName]
    public required string Tuned { get; init; }
    /// <summary>W in W x tuned + (1 - W) x base</summary>
    [Within(0, 1)]
    public required double Weight { get; init; }
    /// <summary>folder of the new model</summary>
    [PathName]
    public required string Out { get; init; }
}

/// <summary>Result of an average.</summary>
/// <param name="Tensors">number of tensors</param>
/// <param name="LosesPrecision">whether the sums were rounded to a smaller type, that of the tuned model's files</param>
public sealed record AveragedModel(int Tensors, bool LosesPrecision);

/// <summary>
/// Averages a model with the base that it was tuned from, weight by weight: W x tuned + (1 - W) x base. A part of what tuning has cost at
/// other tasks returns, for a part of what it has brought.
/// </summary>
public static class AverageModels
{
    /// <param name="options">folders and weight</param>
    /// <param name="note">told which configuration is kept</param>
    /// <param name="stop">leaves the folder as it was</param>
    /// <exception cref="SkipwiseException">models that cannot be read, or differ in architecture, tensors or tokenizer; a folder that
    /// cannot be written or replaced; a weight that is not finite</exception>
    /// <example>
    /// <code>
    /// AverageModels.Run(new() { Model = "llama-2-7b", Tuned = "llama-32k", Weight = 0.7, Out = "llama-32k-0.7" });
    /// </code>
    /// </example>
    public static AveragedModel Run(AverageModelsOptions options, IProgress<string>? note = null, CancellationToken stop = default)
    {
        OptionCheck.Require("Average", options);
        foreach (string input in (string[])[options.Model, options.Tuned])
        {
            if (RealPath.AreSame(input, options.Out))
            {
                throw new SkipwiseException(
                    $"{OptionName.Of(nameof(AverageModelsOptions.Out))} {options.Out}: is the folder that is read, {input}. " +
                    "Choose another folder for the new model.");
            }
        }
        AtomicFolder.RequireReplaceable(options.Out, PretrainedModel.Kind); // before the work
        HfConfig before = HfConfig.ForModel(options.Model), after = HfConfig.ForModel(options.Tuned);
        RequireSameArchitecture(options, before, after);
        RequireSameTokenizer(options);
        if (Differences(before.Model, after.Model).Any(pair => IsOfWindow(pair.Before)))
        {
            note?.Report(
                $"rope and window are those of {options.Tuned} ({after.Model.MaxPositionEmbeddings} tokens); the base model's window is " +
                $"{before.Model.MaxPositionEmbeddings} tokens");
        }
        using var average = new WeightAverage(options.Model, options.Tuned, options.Weight);
        var companions = CompanionFiles.OfModel(ModelFolder.Resolve(options.Tuned));
        companions.RequireAll();
        foreach (string warning in companions.Warnings)
        {
            note?.Report($"warning: {warning}");
        }
        AtomicFolder.Write(options.Out, PretrainedModel.Kind, inner =>
        {
            new SafetensorsFolder(inner) { ShardBytes = PretrainedModel.DefaultShardBytes, Metadata = average.Metadata }
                .Write(average.Tensors(stop));
            companions.Write(inner);
            AtomicFile.WriteText(Path.Combine(inner, HfConfig.FileName), after.TextFor(after.Model));
        });
        return new AveragedModel(average.Count, average.LosesPrecision);
    }

    /// <summary>Refuses models whose tensors have other meanings, although their shapes may be equal.</summary>
    private static void RequireSameArchitecture(AverageModelsOptions options, HfConfig before, HfConfig after)
    {
        string? different = before.Family.ModelType != after.Family.ModelType
            ? $"model_type is {before.Family.ModelType} and {after.Family.ModelType}"
            : Differences(before.Model, after.Model).Where(pair => !IsOfWindow(pair.Before))
                .Select(pair => $"{pair.Before.Name} is {pair.Before.Value} and {pair.After.Value}").FirstOrDefault();
        if (different is not null)
        {
            throw new SkipwiseException(
                $"{options.Model} and {options.Tuned} differ: {different}. Only a model and the base that it was tuned from have " +
                "an average");
        }
    }

    /// <summary>Values of the forward pass that differ. Which token begins or ends a text is none of a weight's meaning.</summary>
    private static IEnumerable<(NamedValue Before, NamedValue After)> Differences(DecoderConfig before, DecoderConfig after) =>
        ArchitectureValues.OfForward(before).Zip(ArchitectureValues.OfForward(after))
            .Where(pair => pair.First != pair.Second && !pair.First.Name.EndsWith("token_id", StringComparison.Ordinal));

    /// <summary>What an extension of the window changes, a mask of nearby tokens included.</summary>
    private static bool IsOfWindow(NamedValue value) => value.Name.StartsWith("rope.", StringComparison.Ordinal)
        || value.Name is "max_position_embeddings" or "sliding_window" or "first_sliding_layer";

    private static void RequireSameTokenizer(AverageModelsOptions options)
    {
        ulong Fingerprint(string model) => TokenizerFingerprint.Compute(TokenizerLoader.Load(model));
        if (Fingerprint(options.Model) != Fingerprint(options.Tuned))
        {
            throw new SkipwiseException(
                $"{options.Model} and {options.Tuned} have different tokenizers, so a row of the embedding means another token. Only a " +
                "model and the base that it was tuned from have an average");
        }
    }
}
