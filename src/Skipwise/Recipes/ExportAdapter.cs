using Skipwise.Checkpoints.Gguf;
using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Checkpoints.Peft;
using Skipwise.Models;
using TorchSharp;

namespace Skipwise.Recipes;

/// <summary>
/// The GGUF file of a base model that an adapter's file belongs to. The RoPE scaling that the adapter was trained with is not in the
/// adapter's file: llama.cpp takes it from the base model's, or from its arguments.
/// </summary>
/// <param name="Window">tokens that the adapter was trained for</param>
/// <param name="Rope">options with which <see cref="ExportModel"/> writes a base model's file of that scaling; none are set if the base
/// model has it itself; null if options do not express it: export a copy of the base model's folder with the config.json of the adapter's
/// </param>
/// <param name="LlamaCppArguments">arguments of llama.cpp that compute the scaling from a file of the base model as it is; null if none
/// are needed, or none do</param>
public sealed record RequiredBase(int Window, RopeOverrides? Rope, string? LlamaCppArguments);

/// <summary>Exports a LoRA adapter alone to a GGUF file, which llama.cpp adds to a file of the base model. Of the base model only the
/// configuration is read.</summary>
internal static class ExportAdapter
{
    private static readonly string s_format = OptionName.Of(nameof(ExportModelOptions.Format)),
        s_adapter = OptionName.Of(nameof(ExportModelOptions.Adapter)), s_dtype = OptionName.Of(nameof(ExportModelOptions.Dtype));

    /// <inheritdoc cref="ExportModel.Run"/>
    public static ExportedModel Run(ExportModelOptions options, IProgress<string>? note, CancellationToken stop)
    {
        string folder = options.Adapter
            ?? throw new SkipwiseException($"{s_format} gguf-lora exports an adapter alone. Name its folder: {s_adapter}");
        if (options.Dtype is ExportDtype.Q80 or ExportDtype.Q40)
        {
            throw new SkipwiseException(
                $"{s_dtype} {ExportModel.NameOf(options.Dtype.Value)}: its blocks are 32 numbers of a row, and an adapter's rows are " +
                $"as long as its rank. Choose {string.Join(", ", ExportModel.DtypeNames.Take((int)ExportDtype.Q80))}");
        }
        HfConfig config = HfConfig.ForModel(options.Model);
        DecoderConfig model = PretrainedModel.Architecture(new ModelSource(options.Model, options.Rope, Adapter: folder));
        var architecture = GgufArchitecture.For(config.Family.ModelType, model);
        using LoraAdapter adapter = LoraAdapter.Read(folder);
        Warn(options, config, adapter, note);
        if (architecture.IsApproximate)
        {
            note?.Report(GgufExport.GeluNote);
        }
        torch.ScalarType[] types =
            [.. adapter.Weights.SelectMany(weight => (torch.ScalarType[])[weight.A.dtype, weight.B.dtype]).Distinct()];
        ExportDtype dtype = options.Dtype ?? ExportModel.Stored(types is [var only] ? only : torch.ScalarType.Float32);
        IReadOnlyList<GgufTensor> tensors = GgufLora.Write(adapter, folder, config, model, options.Out, ExportModel.NameOf(folder),
            GgufType.Written[(int)dtype], stop);
        return new ExportedModel(architecture.Name, dtype, tensors.Count, new FileInfo(options.Out).Length)
        {
            Base = new(model.MaxPositionEmbeddings, GgufBaseRope.Options(config.Family.ModelType, config.Model, model),
                GgufBaseRope.Arguments(config.Family.ModelType, config.Model, model)),
        };
    }

    private static void Warn(ExportModelOptions options, HfConfig config, LoraAdapter adapter, IProgress<string>? note)
    {
        foreach (string warning in config.WarningsFor(options.Rope).Concat(adapter.Warnings))
        {
            note?.Report($"warning: {warning}");
        }
        if (options.Rope == new RopeOverrides() && !HfConfig.IsAt(options.Adapter!))
        {
            note?.Report(
                $"note: {options.Adapter}: has no {HfConfig.FileName}, so the adapter is taken to be trained with the base model's own " +
                $"RoPE. If it was trained with another, say {OptionName.Of(nameof(RopeOverrides.Type))} and " +
                $"{OptionName.Of(nameof(RopeOverrides.Factor))}");
        }
    }
}
