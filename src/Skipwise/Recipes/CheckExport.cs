using Skipwise.Checkpoints.Gguf;
using Skipwise.Checkpoints.HuggingFace;

namespace Skipwise.Recipes;

/// <summary>A GGUF file of any origin, compared with the model that it is of.</summary>
/// <param name="File">its path</param>
/// <param name="Architecture">general.architecture</param>
/// <param name="Dtype">the type of most bytes: f32, f16, bf16, q8_0, q4_0 or another of llama.cpp's</param>
/// <param name="Tensors">number of tensors</param>
/// <param name="Bytes">of the file</param>
/// <param name="Passes">whether llama.cpp computes the model's frequencies and attention scale from it</param>
/// <param name="LargestRatio">of a pair's frequency in the file and in the model, the larger by the smaller; 1: all are equal</param>
/// <param name="AttentionScale">scale of cos and sin by the file</param>
/// <param name="ExpectedScale">scale of cos and sin by the model</param>
/// <param name="Differences">keys at fault, with what was found and expected</param>
internal sealed record CheckedExport(string File, string Architecture, string Dtype, int Tensors, long Bytes, bool Passes,
    double LargestRatio, double AttentionScale, double ExpectedScale, IReadOnlyList<string> Differences);

/// <summary>Checks from a GGUF file's keys and factors, not its weights, that llama.cpp rotates by the frequencies that the model was
/// trained with.</summary>
internal static class CheckExport
{
    /// <param name="source">the model; its weights are not read</param>
    /// <param name="file">GGUF, by Skipwise or another program</param>
    /// <exception cref="SkipwiseException">a file cannot be read, or llama.cpp cannot compute the model</exception>
    public static CheckedExport Run(ModelSource source, string file)
    {
        OptionCheck.Require("Check", source);
        HfConfig config = HfConfig.ForModel(source.Folder);
        using GgufFile gguf = GgufFile.Open(file);
        GgufRopeCheck check = GgufRopeCheck.Compare(gguf, config.Family.ModelType, PretrainedModel.Architecture(source));
        string type = gguf.Tensors.Values.GroupBy(tensor => tensor.Type.Name).MaxBy(named => named.Sum(tensor => tensor.Length))?.Key
            ?? "none";
        return new(file, GgufRopeReader.ArchitectureOf(gguf), type.ToLowerInvariant(), gguf.Tensors.Count, new FileInfo(file).Length,
            check.IsEqual, check.LargestRatio, check.AttentionScale, check.ExpectedScale, check.Differences);
    }
}
