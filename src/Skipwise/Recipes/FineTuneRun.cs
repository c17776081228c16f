using Skipwise.Checkpoints;
using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Checkpoints.Peft;
using Skipwise.Data;
using Skipwise.Distributed;
using Skipwise.Evaluation;
using Skipwise.Models;
using Skipwise.Models.Lora;
using Skipwise.Rope;
using Skipwise.Runs;
using Skipwise.Storage;
using Skipwise.Tokenizers;
using Skipwise.TokenStores;
using Skipwise.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Recipes;

/// <summary>One call of <see cref="FineTune.Run"/>, whose parameters it takes: pilots if they are asked for, then the run.</summary>
internal sealed class FineTuneRun(
    FineTuneOptions asked, SaveOptions save, IProgress<string>? note, IProgress<TokenizationProgress>? tokenizing,
    Func<int, IProgress<StepMetrics>>? progress, IProgress<EvaluationProgress>? measuring, ICollective ranks,
    CancellationToken stop)
{
    private readonly RunFolder _folder = new(asked.Out, OptionName.Of(nameof(FineTuneOptions.Out)), writes: ranks.Rank == 0);

    /// <summary>Whether the folder has a run that this one continues; rank 0 decides.</summary>
    private bool Continues => save.Resume && File.Exists(_folder.OptionsPath);

    /// <inheritdoc cref="FineTune.Run"/>
    public TrainingOutcome Run()
    {
        RankAgreement.RequireOptions(ranks, asked, save);
        if (ranks.Rank == 0)
        {
            RequireStartable();
        }
        (Device Device, ScalarType Dtype) compute = asked.Compute.Prepare(note);
        if (asked.Training.Offload != Offload.None && compute.Device.type == DeviceType.CPU)
        {
            note?.Report($"{OptionName.Of(nameof(TrainOptions.Offload))}: the CPU computes, so that all is in host memory already");
        }
        return !asked.RopePilots.IsEnabled ? Run(asked, compute)
            : ranks.FromFirst(() => Continues) ? Run(RopePilots.With(asked, ranks.FromFirst(() => RopePilots.Kept(_folder))), compute)
            : RunAfterPilots(compute);
    }

    private TrainingOutcome Run(FineTuneOptions options, (Device, ScalarType) compute)
    {
        using PretrainedModel pretrained = FineTune.Load(options, ranks, note);
        ITokenizer tokenizer = Tokenizer(pretrained.Config.Model);
        TrainingEvaluation? evaluation = Evaluation(options.Evaluation, pretrained, tokenizer);
        using FolderClaim? claim = Claim();
        if (ranks.Rank == 0 && !Continues)
        {
            File.Delete(_folder.PilotsPath); // of an earlier run: nothing chose this one's scaling
        }
        return WithDocuments(tokenizer, documents => Train(options, compute, pretrained, tokenizer, documents, evaluation));
    }

    /// <summary>Pilots and run read the same tokens, under one claim.</summary>
    private TrainingOutcome RunAfterPilots((Device Device, ScalarType) compute)
    {
        var start = HfConfig.ForModel(asked.Model);
        var pilots = new RopePilots(asked, start, note, ranks);
        pilots.Validate();
        ITokenizer tokenizer = Tokenizer(start.Model);
        TrainingEvaluation heldOutTexts = pilots.Evaluation(tokenizer, measuring, stop);
        using FolderClaim? claim = Claim();
        return WithDocuments(tokenizer, documents =>
        {
            RopeType rope;
            PoseDataset windows = FineTune.Dataset(asked, start.Model, documents, tokenizer);
            RunContract contract = FineTuneContract.OfPilots(asked, pilots.Training, start, windows,
                FineTune.Pose(asked, start.Model, tokenizer), documents, tokenizer, compute.Device, heldOutTexts);
            try
            {
                rope = pilots.Choose(windows, contract, heldOutTexts, compute, progress, stop);
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested || ranks.Size > 1)
            {
                return new TrainingOutcome(false, null);
            }
            FineTuneOptions chosen = RopePilots.With(asked, rope);
            using PretrainedModel pretrained = FineTune.Load(chosen, ranks, note);
            return Train(chosen, compute, pretrained, tokenizer, documents, Evaluation(chosen.Evaluation, pretrained, tokenizer));
        });
    }

    private TrainingOutcome Train(FineTuneOptions options, (Device Device, ScalarType) compute, PretrainedModel pretrained,
        ITokenizer tokenizer, TokenStore documents, TrainingEvaluation? evaluation)
    {
        PoseDataset dataset = FineTune.Dataset(options, pretrained.Config.Model, documents, tokenizer);
        note?.Report(dataset.SkippedDocuments == 0
            ? $"data: {dataset.Count} documents, {documents.Tokens} tokens"
            : $"data: {dataset.Count} documents; {dataset.SkippedDocuments} shorter than " +
                $"{OptionName.Of(nameof(FineTuneOptions.MinDocumentTokens))} are left out");
        TrainOptions training = options.Training.WithStepsFor(dataset.Count);
        RunContract contract = FineTuneContract.Complete(
            options, pretrained, dataset, FineTune.Pose(options, pretrained.Config.Model, tokenizer), documents, tokenizer, training,
            compute.Device, evaluation);
        ITrainable trainable = Trainable(options, pretrained);
        note?.Report(DescribeTrained(options, trainable.Model));
        TrainingOutcome outcome = TrainingRun.Run(
            trainable, dataset, training, options, contract, _folder, save, progress?.Invoke(training.Steps), stop,
            evaluation, compute, note, ranks);
        string merged = Path.Combine(options.Out, FineTune.MergedName, HfConfig.FileName);
        if (outcome.Completed && options.Merge && ranks.FromFirst(() => !File.Exists(merged)))
        {
            pretrained.Dispose(); // its weights may be quantized: the base model is read again
            ranks.OnFirst(() =>
            {
                stop.ThrowIfCancellationRequested();
                Merge(options);
            });
        }
        return outcome;
    }

    /// <summary>What is trained of a model: its weights, or a new adapter.</summary>
    public static ITrainable Trainable(FineTuneOptions options, PretrainedModel pretrained) => options.Lora.IsEnabled
        ? new PeftModel(pretrained, options.Lora, options.Model, options.Seed)
        : pretrained;

    /// <summary>The model's tokenizer. What can be refused is, before the text is tokenized, which may take long.</summary>
    private ITokenizer Tokenizer(DecoderConfig model)
    {
        ITokenizer tokenizer = BoundedTokenizer.Create(TokenizerLoader.Load(asked.Model), model.VocabSize);
        HostBatch.RequireFits(asked.Training.BatchSize, FineTune.Window(asked, model));
        FineTune.Pose(asked, model, tokenizer).Validate();
        return tokenizer;
    }

    private TrainingEvaluation? Evaluation(TrainingEvaluationOptions options, PretrainedModel pretrained, ITokenizer tokenizer) =>
        TrainingEvaluation.Create(options, pretrained.Model.Config, tokenizer, measuring, stop);

    private void RequireStartable() =>
        TrainingRun.RequireStartable(_folder, FineTuneContract.Partial(asked), asked.Training, save);

    /// <summary>The claim of rank 0; the others have none.</summary>
    private FolderClaim? Claim()
    {
        if (ranks.Rank > 0)
        {
            return null;
        }
        FolderClaim claim = _folder.Lock();
        try
        {
            RequireStartable(); // another process may have begun or finished the run since
            return claim;
        }
        catch
        {
            claim.Dispose();
            throw;
        }
    }

    private TrainingOutcome WithDocuments(ITokenizer tokenizer, Func<TokenStore, TrainingOutcome> use)
    {
        RankFiles.Begin(ranks, asked.Out);
        string store = Path.Combine(asked.Out, "data" + TrainingData.StoreExtension);
        bool isNew = ranks.Rank == 0 && !File.Exists(store);
        try
        {
            TokenStore? written = null;
            ranks.OnFirst(() => written = TrainingData.Open(asked.Data, tokenizer, store, Continues, tokenizing, stop));
            using TokenStore documents =
                written ?? TrainingData.Open(asked.Data with { Texts = null }, tokenizer, store, reuse: true, tokenizing, stop);
            TrainingOutcome outcome = use(documents);
            RankFiles.End(ranks, asked.Out);
            return outcome;
        }
        catch when (isNew && !File.Exists(_folder.OptionsPath))
        {
            File.Delete(store); // the run never began: its data was unusable
            throw;
        }
    }

    /// <summary>Writes the base model with the run's adapter merged into its weights.</summary>
    private static void Merge(FineTuneOptions options)
    {
        using PretrainedModel merged = PretrainedModel.Load(new ModelSource(options.Model, Adapter: options.Out), model => model);
        merged.Save(Path.Combine(options.Out, FineTune.MergedName));
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
}
