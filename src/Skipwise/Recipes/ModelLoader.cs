using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Models;
using Skipwise.Rope;
using Skipwise.Runtime;
using Skipwise.Training;
using static TorchSharp.torch;

namespace Skipwise.Recipes;

/// <summary>Loads a model and reports warnings and notes about it.</summary>
internal static class ModelLoader
{
    /// <param name="compute">device and element type</param>
    /// <param name="note">receives warnings about its config.json, and a description of its RoPE scaling</param>
    /// <exception cref="SkipwiseException">the model cannot be read</exception>
    public static PretrainedModel Load(ModelSource source, ComputeOptions compute, IProgress<string>? note)
    {
        (Device device, ScalarType dtype) = compute.Prepare(note);
        var pretrained = PretrainedModel.Load(source with { InferenceOnly = true }, dtype, device);
        foreach (string warning in pretrained.Config.WarningsFor(source.Rope ?? new RopeOverrides()).Concat(pretrained.Warnings))
        {
            note?.Report($"warning: {warning}");
        }
        DecoderConfig model = pretrained.Model.Config;
        if (model.Rope.Type != RopeType.Default)
        {
            note?.Report(RopeCheck.Describe(pretrained.Config.Model.Rope.Theta, pretrained.Model, model.MaxPositionEmbeddings - 1));
        }
        return pretrained;
    }
}
