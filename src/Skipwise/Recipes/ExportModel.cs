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
    /// <summary>a Hugging Face folder, which transformers, vLLM and mlx-lm run</summary>
    Hf,
    /// <summary>one GGUF file, which llama.cpp and the programs around it run</summary>
    Gguf,
    /// <summary>the adapter alone as one GGUF file, which llama.cpp adds to a file of the base model</summary>
    GgufLora,
}

/// <summary>The type of an exported model's matrices. Vectors are float32 in a file, and of the same type in a folder.</summary>
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

/// <summary>A model, and the file or folder that it is exported to.</summary>
public sealed record ExportModelOptions
{
    /// <summary>Hugging Face folder of the model, with its tokenizer, or a GGUF file</summary>
    [PathName]
    public required string Model { get; init; }
    /// <summary>folder of a LoRA adapter in PEFT's layout, merged into the weights, or exported alone
    /// (<see cref="ExportFormat.GgufLora"/>)</summary>
    [PathName]
    public string? Adapter { get; init; }
    /// <summary>the user's rope options</summary>
    public RopeOverrides Rope { get; init; } = new();
    /// <summary>the format; null: GGUF for llama.cpp and for a name that ends in .gguf, else a folder</summary>
    public ExportFormat? Format { get; init; }
    /// <summary>the program that has to run it: a model that it would run otherwise is refused; null: any</summary>
    public ExportTarget? For { get; init; }
    /// <summary>type of the matrices, in a folder of all tensors; null: that of the model's files, or of
    /// the adapter's</summary>
    public ExportDtype? Dtype { get; init; }
    /// <summary>folder of results that <c>eval all</c> wrote, whose numbers come into the model card of a folder</summary>
    [PathName]
    public string? Results { get; init; }
    /// <summary>the file or folder</summary>
    [PathName]
    public required string Out { get; init; }
}

/// <summary>An exported model.</summary>
/// <param name="Architecture">its name in the file or in config.json: llama</param>
/// <param name="Dtype">type of the matrices</param>
/// <param name="Tensors">number of tensors</param>
/// <param name="Bytes">of the file, or of the weights in a folder</param>
public sealed record ExportedModel(string Architecture, ExportDtype Dtype, int Tensors, long Bytes)
{
    /// <summary>of an adapter alone: the base model's file that it belongs to; else null</summary>
    public RequiredBase? Base { get; init; }
}

/// <summary>Exports a model to a file or folder that other programs run, or refuses it with the reason and the nearest alternative.
/// </summary>
public static class ExportModel
{
    /// <summary>The names of <see cref="ExportDtype"/>, in its order; not asked of GgufType, which needs libtorch, and help does
    /// not.</summary>
    internal static IReadOnlyList<string> DtypeNames { get; } = ["f32", "f16", "bf16", "q8_0", "q4_0"];

    /// <param name="options">the model, and the file or folder</param>
    /// <param name="note">receives warnings about the model and its tokenizer</param>
    /// <param name="stop">leaves what is there as it was</param>
    /// <exception cref="SkipwiseException">a model that cannot be read, a place that cannot be written or replaced, or a model that
    /// the programs do not compute; nothing is then written</exception>
    /// <example>
    /// <code>
    /// ExportedModel exported = ExportModel.Run(new() { Model = "llama-32k", Dtype = ExportDtype.Q80, Out = "llama-32k.gguf" });
    /// Console.WriteLine($"{exported.Tensors} tensors, {exported.Bytes} bytes");
    /// </code>
    /// </example>
    public static ExportedModel Run(ExportModelOptions options, IProgress<string>? note = null, CancellationToken stop = default)
    {
        OptionCheck.Require("Export", options);
        return FormatOf(options) == ExportFormat.Hf ? ExportFolder.Run(options, note, stop) : WriteGguf(options, note, stop);
    }

    /// <summary>The format, derived from the rest if it is not given.</summary>
    internal static ExportFormat FormatOf(ExportModelOptions options) => options.Format
        ?? (options.For == ExportTarget.LlamaCpp || options.Out.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase)
            ? ExportFormat.Gguf : ExportFormat.Hf);

    private static ExportedModel WriteGguf(ExportModelOptions options, IProgress<string>? note, CancellationToken stop)
    {
        if (options.For is not (null or ExportTarget.LlamaCpp) || options.Results is not null)
        {
            throw new SkipwiseException(options.Results is not null
                ? $"{OptionName.Of(nameof(ExportModelOptions.Results))}: a GGUF file has no model card. Export a folder"
                : $"{OptionName.Of(nameof(ExportModelOptions.For))}: only llama.cpp runs GGUF files. Export a folder for other programs");
        }
        ResultFile.RequireFolder(options.Out); // before the work
        ResultFile.RequireReplaceable(options.Out);
        if (options.Format == ExportFormat.GgufLora)
        {
            return ExportAdapter.Run(options, note, stop);
        }
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

    /// <summary>The name of a type.</summary>
    internal static string NameOf(ExportDtype dtype) => DtypeNames[(int)dtype];

    /// <summary>The type that stores a tensor's numbers, or the nearest one.</summary>
    internal static ExportDtype Stored(torch.ScalarType type) => type switch
    {
        torch.ScalarType.Float16 => ExportDtype.Float16,
        torch.ScalarType.BFloat16 => ExportDtype.BFloat16,
        _ => ExportDtype.Float32,
    };

    /// <summary>A folder's or file's name, for people.</summary>
    internal static string NameOf(string model) => Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(model)));
}
