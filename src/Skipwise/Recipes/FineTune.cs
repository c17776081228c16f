using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Data;
using Skipwise.Distributed;
using Skipwise.Evaluation;
using Skipwise.Models;
using Skipwise.Models.Lora;
using Skipwise.Positions;
using Skipwise.Rope;
using Skipwise.Runs;
using Skipwise.Runtime;
using Skipwise.Tokenizers;
using Skipwise.TokenStores;
using Skipwise.Training;
using Skipwise.Training.Parallel;

namespace Skipwise.Recipes;

/// <summary>Options of a PoSE fine-tune. Required are only the model, the text, the target and the folder.</summary>
public sealed record FineTuneOptions
{
    /// <summary>Hugging Face folder of the base model, or a GGUF file</summary>
    [PathName]
    public required string Model { get; init; }
    /// <summary>the text</summary>
    public required DataOptions Data { get; init; }
    /// <summary>run folder, and folder of the finished model</summary>
    [PathName]
    public required string Out { get; init; }
    /// <summary>Lt, the window to reach, in tokens</summary>
    [Within(1, 1 << 27)]
    public required int TargetLength { get; init; }
    /// <summary>Lc, tokens per training window; null: the model's own window</summary>
    [Within(1, 1 << 24)]
    public int? TrainLength { get; init; }
    /// <summary>RoPE scaling; null members are derived: yarn, factor = target / original</summary>
    public RopeOverrides Rope { get; init; } = new();
    /// <summary>short trainings that choose the scaling by perplexity at the target length; the default has none</summary>
    public RopePilotOptions RopePilots { get; init; } = new();
    /// <summary>folder of a LoRA adapter in PEFT's layout, merged into the weights; null for none</summary>
    [PathName]
    public string? Adapter { get; init; }
    /// <summary>how positions are drawn: PoSE, or a baseline for comparison</summary>
    public PositionOptions Positions { get; init; } = new();
    /// <summary>
    /// windows begin anywhere in a document, so that all of a long one is used; false: at its first token, as in the paper
    /// </summary>
    public bool RandomStart { get; init; } = true;
    /// <summary>
    /// chunks end after one of these texts, each a single token (a newline, for example), if a document has any; empty: anywhere
    /// </summary>
    public IReadOnlyList<string> SplitAfter { get; init; } = [];
    /// <summary>shorter documents are left out; null: the training length</summary>
    [Within(0, 1 << 27)]
    public int? MinDocumentTokens { get; init; }
    /// <summary>look-ups of pad_token_id pass no gradient (<see cref="DecoderConfig.FrozenEmbeddingRow"/>), as in the PoSE reference
    /// code</summary>
    public bool FreezePadEmbedding { get; init; }
    /// <summary>steps, batch, learning rate, optimizer</summary>
    public TrainOptions Training { get; init; } = new();
    /// <summary>device and element type; trained weights are float32 in any case</summary>
    public ComputeOptions Compute { get; init; } = new();
    /// <summary>LoRA adapters of a frozen model; the default trains the whole model</summary>
    public LoraOptions Lora { get; init; } = new();
    /// <summary>
    /// besides the adapter, save a model with the adapter merged into its weights in the run folder's <see cref="FineTune.MergedName"/>
    /// </summary>
    public bool Merge { get; init; }
    /// <summary>evaluation during training</summary>
    public TrainingEvaluationOptions Evaluation { get; init; } = new();
    /// <summary>seed of data order, positions and adapter initialization</summary>
    public ulong Seed { get; init; }
}

/// <summary>Fine-tunes a model by PoSE: load, scale RoPE, train on short windows with skipped positions, save.</summary>
public static class FineTune
{
    /// <summary>Folder of the merged model in the run folder.</summary>
    public const string MergedName = "merged";

    /// <param name="options">model, data, target and settings</param>
    /// <param name="save">checkpoints, resumption</param>
    /// <param name="note">receives warnings and notes for the user before the training begins</param>
    /// <param name="tokenizing">receives the progress of tokenization</param>
    /// <param name="progress">called with the number of steps before each training: the run's, and before it each pilot's; returns the
    /// receiver of every step</param>
    /// <param name="measuring">receives the progress of an evaluation</param>
    /// <param name="collective">the ranks that train together (<see cref="Collectives"/>), all by this call; null: this process
    /// alone. Rank 0 writes; all report. An error on one rank has to end the job (<see cref="ICollective.Abort"/>)</param>
    /// <param name="stop">ends the run with a checkpoint of the last whole step; the step in progress is discarded</param>
    /// <example>
    /// <code>
    /// using Skipwise.Rope;
    /// using Skipwise.Runs;
    ///
    /// TrainingOutcome outcome = FineTune.Run(
    ///     new()
    ///     {
    ///         Model = "llama-2-7b",
    ///         Data = new() { Paths = ["books"] },
    ///         Out = "llama-32k",
    ///         TargetLength = 32768,
    ///         Rope = new() { Type = RopeType.Yarn },
    ///         Training = new() { Steps = 1000, BatchSize = 16 },
    ///     },
    ///     new() { EverySteps = 100, Resume = Directory.Exists("llama-32k") });
    /// Console.WriteLine(outcome.Completed ? "done" : $"stopped, saved {outcome.Checkpoint ?? "nothing yet"}");
    /// </code>
    /// </example>
    public static TrainingOutcome Run(
        FineTuneOptions options, SaveOptions save, IProgress<string>? note = null, IProgress<TokenizationProgress>? tokenizing = null,
        Func<int, IProgress<StepMetrics>>? progress = null, IProgress<EvaluationProgress>? measuring = null,
        ICollective? collective = null, CancellationToken stop = default)
    {
        Validate(options, save);
        ICollective ranks = collective ?? SingleProcess.Instance;
        options = options with { Training = options.Training.ForRanks(ranks.Size) };
        return new FineTuneRun(options, save, note, tokenizing, progress, measuring, ranks, stop).Run();
    }

    /// <summary>Checks that need no file.</summary>
    /// <exception cref="SkipwiseException">a setting is out of range, or conflicts with another one</exception>
    public static void Validate(FineTuneOptions options, SaveOptions save)
    {
        OptionCheck.Require("Saving", save);
        options.Training.Validate();
        options.Evaluation.Validate(isDataNeeded: options.RopePilots.IsEnabled);
        options.Lora.Validate();
        OptionCheck.Require("Pilots", options.RopePilots);
        OptionCheck.Require("Training", options);
        if (options.Training.Shard == Shard.Parameters && options.Lora.QuantizationBits is not null)
        {
            throw new SkipwiseException(
                $"{OptionName.Of(nameof(TrainOptions.Shard))} parameters divides weights among the ranks, and quantized ones are not " +
                $"divided: divide the gradients instead, or leave {OptionName.Of(nameof(LoraOptions.QuantizationBits))} out.");
        }
        if (options.Merge && !options.Lora.IsEnabled)
        {
            throw new SkipwiseException(
                $"{OptionName.Of(nameof(FineTuneOptions.Merge))} puts an adapter into the model, and without " +
                $"{OptionName.Of(nameof(LoraOptions.Rank))} none is trained: leave it out.");
        }
    }

    /// <summary>Loads the base model and applies the extended RoPE.</summary>
    public static PretrainedModel Load(FineTuneOptions options, IProgress<string>? note = null) =>
        Load(options, SingleProcess.Instance, note);

    /// <param name="ranks">divide the parameters as soon as they are read, if the options say so</param>
    /// <inheritdoc cref="Load(FineTuneOptions, IProgress{string}?)"/>
    internal static PretrainedModel Load(FineTuneOptions options, ICollective ranks, IProgress<string>? note)
    {
        bool divides = ranks.Size > 1 && options.Training.Shard == Shard.Parameters && options.Adapter is null; // it is merged into wholes
        RopePreference preference = HfConfig.ForModel(options.Model).Family.RopePreference;
        var source =
            new ModelSource(options.Model, options.Rope, options.FreezePadEmbedding, options.Adapter, options.Lora.QuantizationBits)
            {
                Residence = divides ? model => ShardedParameters.ForLoading(model, ranks) : null,
            };
        PretrainedModel pretrained = PretrainedModel.Load(source,
            model => ContextExtension.Extend(model, options.TargetLength, options.Rope, preference));
        DecoderConfig before = pretrained.Config.Model, after = pretrained.Model.Config;
        foreach (string warning in pretrained.Config.WarningsFor(options.Rope).Concat(pretrained.Warnings))
        {
            note?.Report($"warning: {warning}");
        }
        note?.Report($"rope: {ContextExtension.Describe(before.Rope)} -> {ContextExtension.Describe(after.Rope)}");
        note?.Report(
            $"window: {before.MaxPositionEmbeddings} -> {after.MaxPositionEmbeddings} tokens, trained on windows of " +
            $"{TrainLength(options, before)}");
        if (options.Rope.Type == RopeType.DynamicNtk)
        {
            note?.Report(
                "rope: dynamic-ntk changes with the length of a text; trained, and saved for texts of every length, " +
                $"is what it is at {options.TargetLength} tokens");
        }
        note?.Report(RopeCheck.Describe(before.Rope.Theta, pretrained.Model, options.TargetLength - 1));
        if (after.SlidingWindow is { } slides && slides < options.TargetLength)
        {
            note?.Report(
                $"warning: a token attends to the {slides} tokens before it and no others, in layers {after.FirstSlidingLayer} to " +
                $"{after.NumHiddenLayers - 1} (sliding_window): earlier tokens reach it only through other tokens");
        }
        if (pretrained.Config.ExportWarning(after) is { } unportable)
        {
            note?.Report($"warning: {unportable}");
        }
        return pretrained;
    }

    /// <summary>Window settings of the fine-tune.</summary>
    /// <param name="model">the base model, before the extension</param>
    public static PoseDataset Dataset(FineTuneOptions options, DecoderConfig model, ITokenSource documents, ITokenizer tokenizer)
    {
        int window = Window(options, model);
        int? bos = tokenizer.AddsBos ? tokenizer.BosId : null;
        return new PoseDataset(documents, Pose(options, model, tokenizer), options.Seed, bos,
            options.MinDocumentTokens ?? (bos is null ? window : window - 1));
    }

    /// <summary>Window settings, with everything derived.</summary>
    /// <param name="model">the base model, before the extension</param>
    internal static PoseOptions Pose(FineTuneOptions options, DecoderConfig model, ITokenizer tokenizer) =>
        new(options.Positions, TrainLength(options, model), options.TargetLength)
        {
            RandomStart = options.RandomStart,
            SplitAfter = [.. options.SplitAfter.Select(text => SingleToken(text, tokenizer))],
        };

    /// <summary>tokens per training window</summary>
    internal static int Window(FineTuneOptions options, DecoderConfig model) =>
        options.Positions.Mode == PositionMode.Full ? options.TargetLength : TrainLength(options, model);

    /// <summary>Lc, with the default derived</summary>
    internal static int TrainLength(FineTuneOptions options, DecoderConfig model) =>
        options.TrainLength ?? options.Rope.OriginalLength ?? ContextExtension.OriginalLength(model);

    private static int SingleToken(string text, ITokenizer tokenizer) =>
        tokenizer.Encode(text) is [int only]
            ? only
            : throw new SkipwiseException(
                $"{OptionName.Of(nameof(FineTuneOptions.SplitAfter))} '{text}' is not one token of this model but " +
                $"{tokenizer.Encode(text).Length}. Name a text that is a single token, such as a newline.");
}
