using Skipwise.Checkpoints.Gguf;
using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Models;
using Skipwise.Storage;
using Skipwise.Storage.Gguf;
using Skipwise.Tokenizers;
using TorchSharp;

namespace Skipwise.Recipes;

/// <summary>The file format of an export.</summary>
public enum ExportFormat
{
    /// <summary>one GGUF file, which llama.cpp and the programs around it run</summary>
    Gguf,
}

/// <summary>The type of an exported model's matrices. Vectors are always float32.</summary>
public enum ExportDtype
{
    /// <summary>f32</summary>
    Float32,
    /// <summary>f16</summary>
    Float16,
    /// <summary>bf16</summary>
    BFloat16,
    /// <summary>q8_0: 8 bits per weight and a scale for 32 of them</summary>
    Q80,
    /// <summary>q4_0: 4 bits per weight and a scale for 32 of them; the head has 8</summary>
    Q40,
}

/// <summary>A model, and the file that it is exported to.</summary>
public sealed record ExportModelOptions
{
    /// <summary>Hugging Face folder of the model, with its tokenizer, or a GGUF file</summary>
    [PathName]
    public required string Model { get; init; }
    /// <summary>folder of a LoRA adapter in PEFT's layout, merged into the weights</summary>
    [PathName]
    public string? Adapter { get; init; }
    /// <summary>the user's rope options</summary>
    public RopeOverrides Rope { get; init; } = new();
    /// <summary>the format</summary>
    public ExportFormat Format { get; init; }
    /// <summary>type of the matrices; null: that of the model's files</summary>
    public ExportDtype? Dtype { get; init; }
    /// <summary>the file</summary>
    [PathName]
    public required string Out { get; init; }
}

/// <summary>An exported model.</summary>
/// <param name="Architecture">its name in the file: llama</param>
/// <param name="Dtype">type of the matrices</param>
/// <param name="Tensors">number of tensors in the file</param>
/// <param name="Bytes">of the file</param>
public sealed record ExportedModel(string Architecture, ExportDtype Dtype, int Tensors, long Bytes);

/// <summary>Exports a model to a file that another program runs, or refuses it with the reason and the nearest alternative.</summary>
public static class ExportModel
{
    /// <summary>The names of <see cref="ExportDtype"/>, in its order; not asked of GgufType, which needs libtorch, and help does
    /// not.</summary>
    internal static IReadOnlyList<string> DtypeNames { get; } = ["f32", "f16", "bf16", "q8_0", "q4_0"];

    /// <param name="options">the model and the file</param>
    /// <param name="note">receives warnings about the model and its tokenizer</param>
    /// <param name="stop">leaves the file as it was</param>
    /// <exception cref="SkipwiseException">a model that cannot be read, a file that cannot be written or replaced, or a model that
    /// llama.cpp does not compute; nothing is then written</exception>
    /// <example>
    /// <code>
    /// ExportedModel exported = ExportModel.Run(new() { Model = "llama-32k", Dtype = ExportDtype.Q80, Out = "llama-32k.gguf" });
    /// Console.WriteLine($"{exported.Tensors} tensors, {exported.Bytes} bytes");
    /// </code>
    /// </example>
    public static ExportedModel Run(ExportModelOptions options, IProgress<string>? note = null, CancellationToken stop = default)
    {
        OptionCheck.Require("Export", options);
        ResultFile.RequireFolder(options.Out); // before the work
        ResultFile.RequireReplaceable(options.Out);
        var source = new ModelSource(options.Model, options.Rope, Adapter: options.Adapter, InferenceOnly: true);
        HfConfig config = HfConfig.ForModel(options.Model);
        DecoderConfig model = PretrainedModel.Architecture(source);
        GgufArchitecture architecture = GgufArchitecture.For(config.Family.ModelType, model);
        TokenizerModel tokenizer = TokenizerLoader.Load(options.Model).ToModel()!;
        GgufTokenizer.Describe(new GgufMetadata(), tokenizer, model.VocabSize, note: null); // refuses before the weights are read
        IReadOnlyList<(string Name, string Text)> templates = ChatTemplates.Read(options.Model);
        using PretrainedModel pretrained = PretrainedModel.Load(source);
        foreach (string warning in config.WarningsFor(options.Rope).Concat(pretrained.Warnings))
        {
            note?.Report($"warning: {warning}");
        }
        stop.ThrowIfCancellationRequested();
        ExportDtype dtype = options.Dtype ?? Stored(pretrained.StoredMatrixType);
        IReadOnlyList<GgufTensor> tensors = GgufExport.Write(pretrained, options.Out, NameOf(options.Model), GgufType.Written[(int)dtype],
            tokenizer, templates, note, stop);
        return new ExportedModel(architecture.Name, dtype, tensors.Count, new FileInfo(options.Out).Length);
    }

    private static ExportDtype Stored(torch.ScalarType type) => type switch
    {
        torch.ScalarType.Float16 => ExportDtype.Float16,
        torch.ScalarType.BFloat16 => ExportDtype.BFloat16,
        _ => ExportDtype.Float32,
    };

    private static string NameOf(string model) => Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(model)));
}
