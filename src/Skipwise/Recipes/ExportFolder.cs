using Skipwise.Checkpoints.Formats;
using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Hub;
using Skipwise.Models;
using Skipwise.Storage;
using static TorchSharp.torch;

namespace Skipwise.Recipes;

/// <summary>Exports a model to a Hugging Face folder with a model card.</summary>
internal static class ExportFolder
{
    /// <inheritdoc cref="ExportModel.Run"/>
    public static ExportedModel Run(ExportModelOptions options, IProgress<string>? note, CancellationToken stop)
    {
        ScalarType? type = TypeOf(options.Dtype);
        foreach (string input in (string[])[options.Model, .. options.Adapter is { } adapter ? [adapter] : (string[])[]])
        {
            if (RealPath.AreSame(input, options.Out))
            {
                throw new SkipwiseException($"{OptionName.Of(nameof(ExportModelOptions.Out))} {options.Out}: is the folder that is read, " +
                    $"{input}. Choose another folder for the exported model.");
            }
        }
        AtomicFolder.RequireReplaceable(options.Out, PretrainedModel.Kind); // before the work
        var source = new ModelSource(options.Model, options.Rope, Adapter: options.Adapter, InferenceOnly: true);
        HfConfig config = HfConfig.ForModel(options.Model);
        DecoderConfig model = PretrainedModel.Architecture(source);
        var portable = new PortableFolder(config, model);
        IReadOnlyList<ExportVerdict> verdicts = ExportRoutes.Verdicts(portable.Config, portable.Family, model);
        RequireARunner(options, verdicts);
        var card = ModelCard.Read(options, model, verdicts);
        var companions = CompanionFiles.OfModel(ModelFolder.Resolve(options.Model));
        companions.RequireAll();
        if (!companions.HasTokenizer)
        {
            note?.Report("warning: the model has no tokenizer that other programs read (tokenizer.json, tokenizer.model, vocab.json): " +
                "put one into the folder");
        }
        using PretrainedModel pretrained = PretrainedModel.Load(source);
        foreach (string warning in config.WarningsFor(options.Rope).Concat(companions.Warnings).Concat(pretrained.Warnings))
        {
            note?.Report($"warning: {warning}");
        }
        IReadOnlyList<OutputTensor> tensors = [];
        AtomicFolder.Write(options.Out, PretrainedModel.Kind, inner =>
        {
            stop.ThrowIfCancellationRequested();
            tensors = portable.Write(inner, pretrained, type, companions);
            AtomicFile.WriteText(Path.Combine(inner, ModelCard.FileName), card.Text(pretrained.Model.Config));
        });
        return new ExportedModel(portable.Family.ModelType, options.Dtype ?? ExportModel.Stored(pretrained.StoredMatrixType),
            tensors.Count, tensors.Sum(tensor => tensor.Bytes));
    }

    private static ScalarType? TypeOf(ExportDtype? dtype) => dtype switch
    {
        null => null,
        ExportDtype.Float32 => ScalarType.Float32,
        ExportDtype.Float16 => ScalarType.Float16,
        ExportDtype.BFloat16 => ScalarType.BFloat16,
        { } blocks => throw new SkipwiseException($"{OptionName.Of(nameof(ExportModelOptions.Dtype))} {ExportModel.NameOf(blocks)}: is a " +
            $"type of GGUF files, not of folders. Export a GGUF file, or give f32, f16 or bf16"),
    };

    /// <summary>Refuses a model that the program asked for, or every program, would run otherwise.</summary>
    private static void RequireARunner(ExportModelOptions options, IReadOnlyList<ExportVerdict> verdicts)
    {
        if (options.For is ExportTarget.LlamaCpp)
        {
            throw new SkipwiseException(
                $"{OptionName.Of(nameof(ExportModelOptions.For))} llama.cpp: it reads GGUF files, not folders. Name a file that ends in " +
                ".gguf");
        }
        ExportVerdict[] readers = [.. verdicts.Where(verdict => verdict.Program != ExportTarget.LlamaCpp)];
        ExportVerdict[] asked = options.For is { } program ? [.. readers.Where(verdict => verdict.Program == program)] : readers;
        if (!asked.Any(verdict => verdict.Route.Possible))
        {
            ExportVerdict first = asked.Last(verdict => options.For is not null || verdict.Program == ExportTarget.Transformers5);
            string[] others = [.. verdicts.Where(verdict => verdict.Route.Possible).Select(verdict => verdict.Route.Engine)];
            throw new SkipwiseException($"{options.Model}: {first.Route.Engine} would not run it as it was trained: {first.Route.How}. " +
                (others.Length > 0 ? $"These run it: {string.Join(", ", others)}" : "Only Skipwise runs this model"));
        }
    }
}
