using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Storage;

namespace Skipwise.Recipes;

/// <summary>A base model, a LoRA adapter for it, and the folder of the merged model.</summary>
public sealed record MergeAdapterOptions
{
    /// <summary>Hugging Face folder of the base model, or a GGUF file</summary>
    [PathName]
    public required string Model { get; init; }
    /// <summary>folder of the adapter, in PEFT's layout</summary>
    [PathName]
    public required string Adapter { get; init; }
    /// <summary>folder of the merged model</summary>
    [PathName]
    public required string Out { get; init; }
}

/// <summary>Result of a merge.</summary>
/// <param name="Updates">number of weights with a LoRA adapter added</param>
/// <param name="Replaced">number of weights replaced by fully trained ones of the adapter</param>
/// <param name="LosesPrecision">whether the sum was computed in a wider type than the stored one</param>
public sealed record MergedAdapter(int Updates, int Replaced, bool LosesPrecision);

/// <summary>Merges a LoRA adapter into its base model: W + scale * B A, computed in float32.</summary>
public static class MergeAdapter
{
    /// <param name="options">folders</param>
    /// <param name="note">receives warnings about both folders</param>
    /// <param name="stop">checked before the result is written</param>
    /// <exception cref="SkipwiseException">a model or adapter that cannot be read, an adapter for another model, or a folder that cannot be
    /// written or replaced</exception>
    /// <example>
    /// <code>
    /// MergedAdapter merged = MergeAdapter.Run(new() { Model = "llama-2-7b", Adapter = "llama-32k-lora", Out = "llama-32k" });
    /// Console.WriteLine($"{merged.Updates} weights updated, {merged.Replaced} replaced");
    /// </code>
    /// </example>
    public static MergedAdapter Run(MergeAdapterOptions options, IProgress<string>? note = null, CancellationToken stop = default)
    {
        OptionCheck.Require("Merge", options);
        foreach (string input in (string[])[options.Model, options.Adapter])
        {
            if (RealPath.AreSame(input, options.Out))
            {
                throw new SkipwiseException(
                    $"{OptionName.Of(nameof(MergeAdapterOptions.Out))} {options.Out}: is the folder that is read, {input}. " +
                    "Choose another folder for the merged model.");
            }
        }
        AtomicFolder.RequireReplaceable(options.Out, PretrainedModel.Kind); // before the work
        using PretrainedModel pretrained = PretrainedModel.Load(new ModelSource(options.Model, Adapter: options.Adapter), model => model);
        foreach (string warning in pretrained.Warnings)
        {
            note?.Report($"warning: {warning}");
        }
        stop.ThrowIfCancellationRequested();
        pretrained.Save(options.Out);
        (int updates, int replaced) = pretrained.Merged!.Value;
        return new MergedAdapter(updates, replaced, pretrained.SavingLosesPrecision);
    }
}
