using Skipwise.Checkpoints;
using Skipwise.Models;
using Skipwise.Rope;

namespace Skipwise.Recipes;

/// <summary>Loads a model and tells a person what to know of it.</summary>
internal static class LoadModel
{
    /// <param name="note">warnings about its config.json, and what its scaled rotary embedding does</param>
    /// <exception cref="SkipwiseException">the model cannot be read</exception>
    public static Pretrained From(ModelSource source, IProgress<string>? note)
    {
        var pretrained = Pretrained.Load(source);
        foreach (string warning in pretrained.Config.WarningsFor(source.Rope ?? new RopeOverrides()))
        {
            note?.Report($"warning: {warning}");
        }
        DecoderConfig model = pretrained.Model.Config;
        if (model.Rope.Type != RopeType.Default)
        {
            note?.Report(RopeCheck.Describe(pretrained.Config.Model.Rope.Theta, model, model.MaxPositionEmbeddings - 1));
        }
        return pretrained;
    }
}
