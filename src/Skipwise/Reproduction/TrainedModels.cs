using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Data;
using Skipwise.Models;
using Skipwise.Positions;
using Skipwise.Recipes;
using Skipwise.Runs;
using Skipwise.Storage;
using Skipwise.Training;

namespace Skipwise.Reproduction;

/// <summary>
/// Fine-tuned models by the values that decide their bytes: <c>FOLDER/HASH</c> is a run folder, whose contract.json lists these values.
/// A model is trained once, whichever experiments ask for it; a killed run continues from its checkpoint and gives the same bytes.
/// </summary>
internal sealed class TrainedModels : IDisposable
{
    /// <summary>Version of the training: it rises when the program trains other bytes by the same settings, so that models of the earlier
    /// program are not taken for those of this one.</summary>
    public const string TrainingVersion = "1";

    private const int StepsBetweenCheckpoints = 50;

    private readonly string _folder;
    private readonly ReproductionScale _scale;
    private readonly Func<Variant, BaseModel> _baseOf;
    private readonly ReproductionProgress _progress;
    private readonly WorkTimes _times;
    private readonly CancellationToken _stop;
    private readonly Dictionary<(Variant, ulong), RunContract> _contracts = [];
    private (string Key, PretrainedModel Model)? _open;

    /// <param name="folder">where the run folders are</param>
    /// <param name="scale">steps, batch, documents</param>
    /// <param name="baseOf">the base of a variant</param>
    /// <param name="times">receives the seconds of each training</param>
    public TrainedModels(string folder, ReproductionScale scale, Func<Variant, BaseModel> baseOf, ReproductionProgress progress,
        WorkTimes times, CancellationToken stop)
    {
        (_folder, _scale, _baseOf, _progress, _times, _stop) = (folder, scale, baseOf, progress, times, stop);
    }

    /// <summary>What every key of a trained model has. Version 1 is left out: keys were made without it.</summary>
    public static NamedValue TrainingVersionValue { get; } = new("training.version", TrainingVersion, Missing: "1");

    /// <summary>The hash that identifies a model to the cache.</summary>
    /// <param name="seed">of an untrained variant: any, it has no effect</param>
    public string Key(Variant variant, ulong seed) => ContentHash.OfText(Contract(variant, seed).ToJson());

    /// <summary>Whether the trained model exists and is undamaged.</summary>
    public bool IsFinished(Variant variant, ulong seed)
    {
        RunFolder folder = FolderOf(variant, seed);
        return IsSound(folder) && Contract(variant, seed).IsThatOf(folder.ContractPath);
    }

    /// <summary>Whether a run is finished and its files are those that it wrote.</summary>
    public static bool IsSound(RunFolder folder) => folder.IsFinished
        && FolderManifest.Find(folder.Path) is { } manifest && manifest.Damage(folder.Path) is null;

    /// <summary>The optimizer steps of a variant.</summary>
    public int StepsOf(Variant variant) => variant.Steps ?? _scale.Steps;

    /// <summary>The tokens that a training computes, padding of short documents included.</summary>
    public long TokensOf(Variant variant) => (long)StepsOf(variant) * _scale.BatchSize * WindowOf(variant);

    /// <summary>The tokens of a training window.</summary>
    public int WindowOf(Variant variant) =>
        _baseOf(variant).Window * (variant.Positions?.Mode == PositionMode.Full ? variant.Extension + variant.MarginWindows : 1);

    /// <summary>Trains the model, unless it is there.</summary>
    /// <exception cref="OperationCanceledException">stopped, with a checkpoint</exception>
    public void Train(Variant variant, ulong seed)
    {
        if (IsFinished(variant, seed))
        {
            return;
        }
        _stop.ThrowIfCancellationRequested();
        BaseModel start = _baseOf(variant);
        RunFolder folder = FolderOf(variant, seed);
        using FolderClaim claim = folder.Lock();
        if (folder.IsFinished)
        {
            folder.Clear(); // damaged
        }
        start.Make();
        FineTuneOptions options = Options(variant, seed);
        _progress.Stage?.Report($"training {variant.Name}, seed {seed}");
        using PretrainedModel pretrained = FineTune.Load(options);
        PoseDataset dataset = FineTune.Dataset(options, start.Config.Model, start.TrainingText(seed), start.Tokenizer);
        TrainingOutcome outcome = _times.Measure($"train {variant.Name}, seed {seed}", () => TrainingRun.Run(
            pretrained, dataset, options.Training, options, Contract(variant, seed), folder,
            new SaveOptions { EverySteps = StepsBetweenCheckpoints, KeepLast = 1, Resume = true },
            _progress.Training?.Invoke(options.Training.Steps), _stop));
        if (!outcome.Completed)
        {
            throw new OperationCanceledException(_stop);
        }
        foreach (string checkpoint in folder.Checkpoints())
        {
            AtomicFolder.Delete(checkpoint); // three times the model's size, and of no use any more
        }
    }

    /// <summary>The model, trained if it has to be. It stays loaded until another one is asked for, which disposes it.</summary>
    public CausalLM Load(Variant variant, ulong seed)
    {
        string key = Key(variant, seed);
        if (_open?.Key != key)
        {
            _open?.Model.Dispose();
            _open = null;
            _open = (key, Read(variant, seed));
        }
        return _open.Value.Model.Model;
    }

    /// <inheritdoc/>
    public void Dispose() => _open?.Model.Dispose();

    private PretrainedModel Read(Variant variant, ulong seed)
    {
        if (variant.IsTrained)
        {
            Train(variant, seed);
            return PretrainedModel.Load(new ModelSource(FolderOf(variant, seed).Path));
        }
        _baseOf(variant).Make();
        return variant.Rope is null
            ? PretrainedModel.Load(new ModelSource(_baseOf(variant).Folder))
            : FineTune.Load(Options(variant, seed));
    }

    private RunFolder FolderOf(Variant variant, ulong seed) => new(Path.Combine(_folder, Key(variant, seed)));

    private RunContract Contract(Variant variant, ulong seed)
    {
        if (!_contracts.TryGetValue((variant, seed), out RunContract? contract))
        {
            _contracts[(variant, seed)] = contract = variant.IsTrained ? Trained(variant, seed) : Untrained(variant);
        }
        return contract;
    }

    private RunContract Trained(Variant variant, ulong seed)
    {
        BaseModel start = _baseOf(variant);
        return FineTuneContract.Generated(Options(variant, seed), start.Config,
            [.. start.Identity, TrainingVersionValue, NamedValue.Of("train_length", start.Window), .. start.TrainingTextValues(seed)]);
    }

    private RunContract Untrained(Variant variant)
    {
        BaseModel start = _baseOf(variant);
        DecoderConfig model = variant.Rope is null ? start.Config.Model
            : FineTuneContract.Extended(Options(variant, 0), start.Config);
        return RunContract.Complete(
            [.. start.Identity, .. ArchitectureValues.OfForward(model).Select(value => value with { Name = $"model.{value.Name}" })]);
    }

    private FineTuneOptions Options(Variant variant, ulong seed)
    {
        BaseModel start = _baseOf(variant);
        TrainOptions demo = DemoDefaults.Options.Training;
        int steps = StepsOf(variant);
        return new()
        {
            Model = start.Folder,
            Data = new DataOptions { Paths = [] },
            Out = Path.Combine(_folder, "unnamed"), // no part of the contract, which decides the name
            TargetLength = (variant.Extension + variant.MarginWindows) * start.Window,
            Positions = variant.Positions ?? new PositionOptions(),
            Rope = new RopeOverrides { Type = variant.Rope, Factor = variant.EffectiveRopeFactor },
            MinDocumentTokens = 1,
            Training = demo with
            {
                Steps = steps,
                BatchSize = _scale.BatchSize,
                LearningRate = variant.LearningRate,
                WarmupSteps = (int)((long)steps * demo.WarmupSteps / demo.Steps), // the same part of the steps
                Packing = variant.Packing,
            },
            Seed = seed,
        };
    }
}
