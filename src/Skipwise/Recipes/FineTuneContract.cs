using System.Globalization;
using Skipwise.Checkpoints.Formats;
using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Data;
using Skipwise.Documents;
using Skipwise.Models;
using Skipwise.Positions;
using Skipwise.Runs;
using Skipwise.Runtime;
using Skipwise.Storage;
using Skipwise.Tokenizers;
using Skipwise.TokenStores;
using Skipwise.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Recipes;

/// <summary>Values that decide the bytes of a fine-tuned model, see <see cref="RunContract"/>.</summary>
internal static class FineTuneContract
{
    /// <summary>
    /// Values that the options alone decide, so that a run that cannot be continued is refused before anything is loaded.
    /// </summary>
    public static RunContract Partial(FineTuneOptions options) => RunContract.Partial(OfOptions(options));

    /// <param name="options">options of the run</param>
    /// <param name="pretrained">the base model, extended</param>
    /// <param name="dataset">the windows</param>
    /// <param name="pose">window settings, with everything derived</param>
    /// <param name="documents">source documents of the windows</param>
    /// <param name="tokenizer">tokenizer of the documents</param>
    /// <param name="training">training options, with the steps that follow from the data</param>
    /// <param name="device">computing device</param>
    /// <param name="evaluation">evaluation during training; null: none</param>
    /// <exception cref="SkipwiseException">a file of the base model cannot be read</exception>
    public static RunContract Complete(
        FineTuneOptions options, PretrainedModel pretrained, PoseDataset dataset, PoseOptions pose, TokenStore documents,
        ITokenizer tokenizer, TrainOptions training, Device device, TrainingEvaluation? evaluation) => RunContract.Complete(
    [
        .. OfOptions(options).Where(value => value.Name != TrainingValues.OfSteps(0).Name),
        TrainingValues.OfSteps(training.Steps),
        .. ArchitectureValues.OfTraining(pretrained.Model.Config).Select(value => value with { Name = $"model.{value.Name}" }),
        .. OfInputs(options, pretrained.Config, dataset, pose, documents, tokenizer, device),
        .. TrainingValues.Of(evaluation),
    ]);

    /// <summary>Values of a run on the CPU whose text is generated, known before anything is loaded.</summary>
    /// <param name="options">options of the run, without text</param>
    /// <param name="start">configuration of the base model</param>
    /// <param name="others">what decides base model, tokenizer and text, by the caller's names</param>
    public static RunContract Generated(FineTuneOptions options, HfConfig start, IEnumerable<NamedValue> others) =>
        RunContract.Complete(
        [
            .. OfOptions(options),
            .. ArchitectureValues.OfTraining(Extended(options, start)).Select(value => value with { Name = $"model.{value.Name}" }),
            .. others,
        ]);

    /// <summary>Values that decide the numbers of <see cref="RopePilots"/>; the scaling is none of them.</summary>
    /// <param name="training">that of a pilot</param>
    /// <param name="start">configuration of the base model</param>
    /// <param name="heldOut">the text that they are measured on</param>
    public static RunContract OfPilots(
        FineTuneOptions options, TrainOptions training, HfConfig start, PoseDataset dataset, PoseOptions pose, TokenStore documents,
        ITokenizer tokenizer, Device device, TrainingEvaluation heldOut) => RunContract.Complete(
    [
        .. OfOptions(options with { Training = training }),
        NamedValue.Of("freeze_pad_embedding", options.FreezePadEmbedding),
        NamedValue.Of("rope.factor", options.Rope.Factor),
        NamedValue.Of("rope.original_length", options.Rope.OriginalLength),
        NamedValue.Of("rope.theta", options.Rope.Theta),
        .. OfInputs(options, start, dataset, pose, documents, tokenizer, device),
        new("held_out_tokens", heldOut.TextHash),
    ]);

    /// <summary>The extended model's configuration, without its weights.</summary>
    public static DecoderConfig Extended(FineTuneOptions options, HfConfig start) =>
        ContextExtension.Extend(start.Model, options.TargetLength, options.Rope, start.Family.RopePreference);

    private static IEnumerable<NamedValue> OfInputs(
        FineTuneOptions options, HfConfig start, PoseDataset dataset, PoseOptions pose, TokenStore documents, ITokenizer tokenizer,
        Device device)
    {
        bool isGpu = device.type != DeviceType.CPU;
        return
        [
            new("base_model.config", start.TextHash),
            new("base_model.weights", WeightChecksum.OfModel(options.Model)),
            new("base_model.adapter", options.Adapter is { } adapter ? WeightChecksum.OfAdapter(adapter) : NamedValue.None,
                NamedValue.None),
            NamedValue.Of("train_length", pose.TrainLength),
            NamedValue.Of("split_after", pose.SplitAfter),
            NamedValue.Of("min_document_tokens", dataset.MinDocumentTokens),
            new("training_tokens", documents.ContentHash),
            new("tokenizer", TokenizerFingerprint.Compute(tokenizer).ToString("x16", CultureInfo.InvariantCulture)),
            NamedValue.Of("bos", tokenizer.AddsBos ? tokenizer.BosId : null),
            new("device", isGpu ? "cuda" : "cpu"),
            NamedValue.Of("tf32", isGpu && options.Compute.Tf32),
            NamedValue.Of("offload_optimizer", isGpu && options.Training.Offload == Offload.Optimizer),
        ];
    }

    private static IEnumerable<NamedValue> OfOptions(FineTuneOptions options) =>
    [
        NamedValue.Of("seed", options.Seed),
        NamedValue.Of("target_length", options.TargetLength),
        new("positions", options.Positions.Mode switch
        {
            PositionMode.Pose => "pose",
            PositionMode.Full => "full",
            PositionMode.Short => "short",
            PositionMode.RandPos => "rand-pos",
            _ => throw Unnamed(options.Positions.Mode),
        }),
        NamedValue.Of("chunks", options.Positions.Chunks),
        new("chunk_lengths", options.Positions.LengthRule switch
        {
            LengthRule.Uniform => "uniform",
            LengthRule.Released => "released",
            _ => throw Unnamed(options.Positions.LengthRule),
        }),
        new("chunk_content", options.Positions.Content switch
        {
            ContentMode.Skip => "skip",
            ContentMode.Contiguous => "contiguous",
            ContentMode.Follow => "follow",
            _ => throw Unnamed(options.Positions.Content),
        }),
        NamedValue.Of("end_share", options.Positions.EndShare) with { Missing = "0" },
        NamedValue.Of("mask_seams", options.Positions.MaskSeams),
        NamedValue.Of("random_start", options.RandomStart),
        new("dtype", options.Compute.Dtype switch
        {
            Precision.Float32 => "float32",
            Precision.Bfloat16 => "bfloat16",
            Precision.Float16 => "float16",
            _ => throw Unnamed(options.Compute.Dtype),
        }),
        .. TrainingValues.Of(options.Training),
        .. options.Training.Epochs is null ? [TrainingValues.OfSteps(options.Training.Steps)] : (NamedValue[])[],
        .. TrainingValues.Of(options.Lora),
        .. OfText(options),
    ];

    /// <summary>
    /// Identity of the text: number and bytes of its files. A run keeps the tokens of its text and does not read it again, so a text that
    /// is missing by now is no difference.
    /// </summary>
    private static NamedValue[] OfText(FineTuneOptions options)
    {
        if (options.Data.Paths.Any(path => path.EndsWith(TrainingData.StoreExtension, StringComparison.Ordinal)))
        {
            return [];
        }
        string? files = null;
        try
        {
            List<string> found = DocumentFiles.Find(options.Data.Paths, options.Data.Documents);
            files = FormattableString.Invariant($"{found.Count} files of {found.Sum(file => new FileInfo(file).Length)} bytes");
        }
        catch (Exception e) when (e is SkipwiseException or IOException)
        {
            // a later reader of the text reports the error
        }
        return
        [
            new("text.files", files),
            new("text.separator", options.Data.Documents.SeparatorText ?? NamedValue.None, NamedValue.None),
            new("text.field", options.Data.Documents.Field ?? NamedValue.None, NamedValue.None),
        ];
    }

    private static ArgumentOutOfRangeException Unnamed<T>(T value) where T : struct, Enum => new(nameof(value), value, "has no name here");
}
