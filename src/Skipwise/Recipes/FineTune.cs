using Skipwise.Checkpoints;
using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Checkpoints.Peft;
using Skipwise.Data;
using Skipwise.Evaluation;
using Skipwise.Models;
using Skipwise.Models.Lora;
using Skipwise.Positions;
using Skipwise.Rope;
using Skipwise.Runs;
using Skipwise.Runtime;
using Skipwise.Storage;
using Skipwise.Tokenizers;
using Skipwise.TokenStores;
using Skipwise.Training;
using TorchSharp;
using static TorchSharp.torch;

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
        CancellationToken stop = default)
    {
        Validate(options, save);
        var folder = new RunFolder(options.Out, OptionName.Of(nameof(FineTuneOptions.Out)));
        TrainingRun.RequireStartable(folder, FineTuneContract.Partial(options), options.Training, save);
        (Device Device, ScalarType Dtype) compute = options.Compute.Prepare(note);
        if (options.Training.Offload != Offload.None && compute.Device.type == DeviceType.CPU)
        {
            note?.Report($"{OptionName.Of(nameof(TrainOptions.Offload))}: the CPU computes, so that all is in host memory already");
        }
        bool hasPilots = options.RopePilots.IsEnabled;
        if (hasPilots)
        {
            options = WithChosenRope(options, save, folder, compute, note, tokenizing, progress, measuring, stop);
        }
        using PretrainedModel pretrained = Load(options, note);
        ITokenizer tokenizer = BoundedTokenizer.Create(TokenizerLoader.Load(options.Model), pretrained.Config.Model.VocabSize);
        HostBatch.RequireFits(options.Training.BatchSize, Window(options, pretrained.Config.Model));
        Pose(options, pretrained.Config.Model, tokenizer).Validate(); // before the text is tokenised, which may take long
        TrainingEvaluation? evaluation = TrainingEvaluation.Create(options.Evaluation, pretrained.Model.Config, tokenizer, measuring, stop);
        using FolderClaim claim = folder.Lock();
        // another process may have begun or finished the run since
        TrainingRun.RequireStartable(folder, FineTuneContract.Partial(options), options.Training, save);
        string store = StoreOf(options);
        bool isNewStore = !File.Exists(store), continues = hasPilots || (save.Resume && File.Exists(folder.OptionsPath));
        try
        {
            using TokenStore documents = TrainingData.Open(options.Data, tokenizer, store, continues, tokenizing, stop);
            PoseDataset dataset = Dataset(options, pretrained.Config.Model, documents, tokenizer);
            note?.Report(dataset.SkippedDocuments == 0
                ? $"data: {dataset.Count} documents, {documents.Tokens} tokens"
                : $"data: {dataset.Count} documents; {dataset.SkippedDocuments} shorter than " +
                    $"{OptionName.Of(nameof(FineTuneOptions.MinDocumentTokens))} are left out");
            TrainOptions training = options.Training.WithStepsFor(dataset.Count);
            RunContract contract = FineTuneContract.Complete(
                options, pretrained, dataset, Pose(options, pretrained.Config.Model, tokenizer), documents, tokenizer, training,
                compute.Device, evaluation);
            ITrainable trainable = Trainable(options, pretrained);
            note?.Report(DescribeTrained(options, trainable.Model));
            TrainingOutcome outcome = TrainingRun.Run(
                trainable, dataset, training, options, contract, folder, save, progress?.Invoke(training.Steps), stop,
                evaluation, compute, note);
            if (outcome.Completed && options.Merge && !File.Exists(Path.Combine(options.Out, MergedName, HfConfig.FileName)))
            {
                pretrained.Dispose(); // its weights may be quantized: the base model is read again
                stop.ThrowIfCancellationRequested();
                Merge(options);
            }
            return outcome;
        }
        catch when (isNewStore && !File.Exists(folder.OptionsPath))
        {
            File.Delete(store); // the run never began: its data was unusable
            throw;
        }
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
        if (options.Merge && !options.Lora.IsEnabled)
        {
            throw new SkipwiseException(
                $"{OptionName.Of(nameof(FineTuneOptions.Merge))} puts an adapter into the model, and without " +
                $"{OptionName.Of(nameof(LoraOptions.Rank))} none is trained: leave it out.");
        }
    }

    /// <summary>What is trained of a model: its weights, or a new adapter.</summary>
    internal static ITrainable Trainable(FineTuneOptions options, PretrainedModel pretrained) => options.Lora.IsEnabled
        ? new PeftModel(pretrained, options.Lora, options.Model, options.Seed)
        : pretrained;

    /// <summary>Lets the pilots choose the scaling. The run's text is tokenized for them, and the run uses these tokens.</summary>
    private static FineTuneOptions WithChosenRope(
        FineTuneOptions options, SaveOptions save, RunFolder folder, (Device, ScalarType) compute, IProgress<string>? note,
        IProgress<TokenizationProgress>? tokenizing, Func<int, IProgress<StepMetrics>>? progress,
        IProgress<EvaluationProgress>? measuring, CancellationToken stop)
    {
        var start = HfConfig.ForModel(options.Model);
        var pilots = new RopePilots(options, start, note);
        pilots.Validate();
        ITokenizer tokenizer = BoundedTokenizer.Create(TokenizerLoader.Load(options.Model), start.Model.VocabSize);
        HostBatch.RequireFits(options.Training.BatchSize, Window(options, start.Model));
        Pose(options, start.Model, tokenizer).Validate();
        TrainingEvaluation evaluation = TrainingEvaluation.Create(
            options.Evaluation with
            {
                EverySteps = options.RopePilots.Steps,
                Windows = RopePilots.Windows(TrainLength(options, start.Model), options.TargetLength),
                PasskeyLengths = [],
                Patience = 0,
            }, start.Model, tokenizer, measuring, stop)!;
        using FolderClaim claim = folder.Lock();
        TrainingRun.RequireStartable(folder, FineTuneContract.Partial(options), options.Training, save);
        bool haveBegun = pilots.HaveBegun();
        if (save.Resume && File.Exists(folder.OptionsPath) && !haveBegun)
        {
            throw new SkipwiseException(
                $"{options.Out}: the scaling of this run was not chosen by these pilots. Continue it with the one that it has, which " +
                $"{folder.OptionsPath} names ({OptionName.Of(nameof(RopeOverrides.Type))}), or start a new run in another " +
                $"{folder.Called}.");
        }
        using TokenStore documents = TrainingData.Open(options.Data, tokenizer, StoreOf(options), haveBegun, tokenizing, stop);
        return RopePilots.With(options, pilots.Choose(
            Dataset(options, start.Model, documents, tokenizer), documents.ContentHash, evaluation, compute, progress, stop));
    }

    private static string StoreOf(FineTuneOptions options) => Path.Combine(options.Out, "data" + TrainingData.StoreExtension);

    /// <summary>Writes the base model with the run's adapter merged into its weights.</summary>
    private static void Merge(FineTuneOptions options)
    {
        using PretrainedModel merged = PretrainedModel.Load(new ModelSource(options.Model, Adapter: options.Out), model => model);
        merged.Save(Path.Combine(options.Out, MergedName));
    }

    private static string DescribeTrained(FineTuneOptions options, CausalLM model)
    {
        long trained = model.parameters().Where(p => p.requires_grad).Sum(p => p.numel()),
            frozen = model.parameters().Where(p => !p.requires_grad).Sum(p => p.numel());
        string packed = options.Lora.QuantizationBits is { } bits
            ? FormattableString.Invariant(
                $", and {LoraInjector.QuantizedBytes(model) / 1e6:0.#} MB of weights are quantized to {bits} bits")
            : "";
        return frozen == 0 && packed.Length == 0
            ? FormattableString.Invariant($"trains all of {trained / 1e6:0.###} million weights")
            : FormattableString.Invariant($"trains {trained / 1e6:0.###} million weights; {frozen / 1e6:0.###} million are frozen{packed}");
    }

    /// <summary>Loads the base model and applies the extended RoPE.</summary>
    public static PretrainedModel Load(FineTuneOptions options, IProgress<string>? note = null)
    {
        RopePreference preference = HfConfig.ForModel(options.Model).Family.RopePreference;
        var source =
            new ModelSource(options.Model, options.Rope, options.FreezePadEmbedding, options.Adapter, options.Lora.QuantizationBits);
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

    private static PoseOptions Pose(FineTuneOptions options, DecoderConfig model, ITokenizer tokenizer) =>
        new(options.Positions, TrainLength(options, model), options.TargetLength)
        {
            RandomStart = options.RandomStart,
            SplitAfter = [.. options.SplitAfter.Select(text => SingleToken(text, tokenizer))],
        };

    /// <summary>tokens per training window</summary>
    private static int Window(FineTuneOptions options, DecoderConfig model) =>
        options.Positions.Mode == PositionMode.Full ? options.TargetLength : TrainLength(options, model);

    private static int TrainLength(FineTuneOptions options, DecoderConfig model) =>
        options.TrainLength ?? options.Rope.OriginalLength ?? ContextExtension.OriginalLength(model);

    private static int SingleToken(string text, ITokenizer tokenizer) =>
        tokenizer.Encode(text) is [int only]
            ? only
            : throw new SkipwiseException(
                $"{OptionName.Of(nameof(FineTuneOptions.SplitAfter))} '{text}' is not one token of this model but " +
                $"{tokenizer.Encode(text).Length}. Name a text that is a single token, such as a newline.");
}
