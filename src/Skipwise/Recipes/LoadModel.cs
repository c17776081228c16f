using Skipwise.Checkpoints;
using Skipwise.Models;
using Skipwise.Rope;
using Skipwise.Runtime;
using static TorchSharp.torch;

namespace Skipwise.Recipes;

/// <summary>Loads a model and tells a person what to know of it.</summary>
internal static class LoadModel
{
    /// <param name="compute">where and in which type</param>
    /// <param name="note">warnings about its config.json, and what its scaled rotary embedding does</param>
    /// <exception cref="SkipwiseException">the model cannot be read</exception>
    public static Pretrained From(ModelSource source, ComputeOptions compute, IProgress<string>? note)
    {
        (Device device, ScalarType dtype) = compute.Begin(note);
        var pretrained = Pretrained.Load(source with { IsFrozen = true }, dtype, device);
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
