using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Storage;

namespace Skipwise.Recipes;

/// <summary>A base model, a LoRA adapter for it, and where the sum of both goes.</summary>
public sealed record MergeAdapterOptions
{
    /// <summary>Hugging Face folder of the base model</summary>
    [PathName(Name = "--model")]
    public required string Model { get; init; }
    /// <summary>folder of the adapter, in PEFT's layout</summary>
    [PathName(Name = "--adapter")]
    public required string Adapter { get; init; }
    /// <summary>folder of the merged model</summary>
    [PathName(Name = "--out")]
    public required string Out { get; init; }
}

/// <summary>What a merge changed.</summary>
/// <param name="Updates">weights that a low-rank update was added to</param>
/// <param name="Replaced">weights that the adapter brought as a whole</param>
/// <param name="LosesPrecision">the sum was computed in a wider type than the model is stored in</param>
public sealed record MergedAdapter(int Updates, int Replaced, bool LosesPrecision);

/// <summary>Makes an ordinary model of a base model and a LoRA adapter: W + scale * B A, computed in float32.</summary>
public static class MergeAdapter
{
    /// <param name="options">what to merge, and where to</param>
    /// <param name="note">warnings about both folders</param>
    /// <param name="stop">looked at before the result is written</param>
    /// <exception cref="SkipwiseException">a model or adapter that cannot be read, an adapter for another model, or a folder that cannot be
    /// written or replaced</exception>
    public static MergedAdapter Run(MergeAdapterOptions options, IProgress<string>? note = null, CancellationToken stop = default)
    {
        OptionCheck.Require("Merge", options);
        foreach (string input in (string[])[options.Model, options.Adapter])
        {
            if (RealPath.AreSame(input, options.Out))
            {
                throw new SkipwiseException(
                    $"--out {options.Out}: is the folder that is read, {input}. Choose another folder for the merged model.");
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
