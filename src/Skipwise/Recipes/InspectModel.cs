using Skipwise.Checkpoints.Formats;
using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Models;
using Skipwise.Rope;

namespace Skipwise.Recipes;

/// <summary>A stored tensor.</summary>
/// <param name="Type">element type as named in the header: F32, BF16, ...</param>
/// <param name="File">name of the file inside the folder</param>
internal sealed record TensorDescription(string Name, IReadOnlyList<long> Shape, string Type, string File, long Bytes);

/// <summary>Contents of a model folder, from its headers alone.</summary>
/// <param name="ModelType">config.json's model_type</param>
/// <param name="Model">sizes, rope and window, overrides applied</param>
/// <param name="Parameters">number of parameters; a tied head counts once</param>
/// <param name="Types">element types of the stored tensors, the most frequent first</param>
/// <param name="StoredBytes">bytes of all tensors on the disk</param>
/// <param name="LoadBytes">bytes of the weights in memory for inference: 16-bit matrices stay so, all else is float32</param>
/// <param name="Warnings">about its config.json</param>
/// <param name="Exports">programs that support the model's RoPE scaling, and its names there</param>
internal sealed record ModelDescription(string ModelType, DecoderConfig Model, long Parameters, IReadOnlyList<string> Types,
    long StoredBytes, long LoadBytes, IReadOnlyList<string> Warnings,
    IReadOnlyList<ExportRoute> Exports)
{
    private const int FloatBytes = 4;

    /// <summary>bytes of the weights in memory for training, as float32</summary>
    public long WeightBytes => Parameters * FloatBytes;

    /// <summary>bytes of the gradients for training, as float32</summary>
    public long GradientBytes => WeightBytes;

    /// <summary>bytes of AdamW's two moments, as float32</summary>
    public long OptimizerBytes => 2 * WeightBytes;

    /// <summary>bytes for training before any activation</summary>
    public long TrainBytes => WeightBytes + GradientBytes + OptimizerBytes;

    /// <summary>bytes of the KV cache of one text that fills the window, as float32</summary>
    public long CacheBytes =>
        2L * Model.NumHiddenLayers * Model.NumKeyValueHeads * Model.HeadDim * Model.MaxPositionEmbeddings * FloatBytes;

    /// <summary>the window before any extension, in tokens</summary>
    public int OriginalLength => ContextExtension.OriginalLength(Model);

    /// <summary>
    /// The dimension pairs, under the effective RoPE at the full window, that do not complete a rotation within the original window.
    /// </summary>
    public IReadOnlyList<int> LongPairs =>
    [
        .. RopeWavelength.Compute(RopeFrequency.Compute(Model.Rope, Model.RotaryDim, Model.MaxPositionEmbeddings), OriginalLength)
            .Where(wavelength => wavelength.ExceedsWindow).Select(wavelength => wavelength.Pair),
    ];
}

/// <summary>Reads a model folder without loading its weights.</summary>
internal static class InspectModel
{
    /// <exception cref="SkipwiseException">a file is missing or broken, or the weights do not fit the configuration</exception>
    public static ModelDescription Describe(ModelSource source)
    {
        OptionCheck.Require("Model", source);
        HfConfig config = Config(source.Folder);
        DecoderConfig model = PretrainedModel.Architecture(source);
        using WeightFiles weights = WeightFiles.Open(source.Folder);
        WeightLayout layout = WeightLayout.Match(weights, config.Family, model);
        return new ModelDescription(
            config.Family.ModelType,
            model,
            ModelFamily.Parameters(model).Sum(parameter => parameter.Shape.Aggregate(1L, (product, size) => product * size)),
            [.. weights.Tensors.Values.GroupBy(tensor => tensor.Entry.Type.Name).OrderByDescending(type => type.Count())
                .Select(type => type.Key)],
            weights.Tensors.Values.Sum(tensor => tensor.Entry.Length),
            layout.FrozenBytes,
            [.. config.WarningsFor(source.Rope ?? new RopeOverrides()), .. UnreadWeights.Warnings(source.Folder, weights.Paths)],
            ExportRoutes.For(config, model));
    }

    /// <summary>The tensors in the order of the files, whether they fit the configuration or not.</summary>
    /// <exception cref="SkipwiseException">a weight file is missing or broken</exception>
    public static IReadOnlyList<TensorDescription> Tensors(string folder)
    {
        using WeightFiles weights = WeightFiles.Open(folder, asStored: true);
        return [.. weights.Tensors.Values.Select(tensor =>
            new TensorDescription(tensor.Entry.Name, tensor.Entry.Shape, tensor.Entry.Type.Name, Path.GetFileName(tensor.File.Path),
                tensor.Entry.Length))];
    }

    /// <summary>The sizes, rope and window that a model would be loaded with, from its configuration alone.</summary>
    public static DecoderConfig Architecture(ModelSource source) => PretrainedModel.Architecture(source);

    /// <summary>Reads the configuration alone: enough for RoPE.</summary>
    public static HfConfig Config(string folder) => HfConfig.ForModel(folder);
}
