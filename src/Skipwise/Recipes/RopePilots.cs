using System.Text.Json;
using Skipwise.Checkpoints;
using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Data;
using Skipwise.Distributed;
using Skipwise.Evaluation;
using Skipwise.Models;
using Skipwise.Models.Lora;
using Skipwise.Rope;
using Skipwise.Runs;
using Skipwise.Storage;
using Skipwise.Tokenizers;
using Skipwise.Training;
using Skipwise.Training.Optimizers;
using Skipwise.Training.Parallel;
using TorchSharp;
using static System.FormattableString;
using static TorchSharp.torch;

namespace Skipwise.Recipes;

/// <summary>
/// Chooses the RoPE scaling of a fine-tune by evidence: each candidate is trained for a few steps on the run's first windows and measured
/// on held-out documents at the target length. The lowest perplexity wins. No rule of the literature says which scaling it will be: it
/// depends on the heads, the window, the factor and the steps (docs/rope-scaling.md).
/// </summary>
internal sealed class RopePilots
{
    private static readonly RopeType[] s_candidates = [RopeType.Linear, RopeType.Ntk, RopeType.Yarn, RopeType.Llama3],
        s_longRopeCandidates = [RopeType.LongRope, RopeType.DynamicNtk];

    private readonly FineTuneOptions _options;
    private readonly RopePilotOptions _pilots;
    private readonly HfConfig _base;
    private readonly string _path;
    private readonly IProgress<string>? _note;
    private readonly ICollective _ranks;

    /// <param name="options">of the fine-tune, with pilots and held-out text</param>
    /// <param name="start">the base model's configuration</param>
    /// <param name="ranks">train each pilot together; rank 0 writes</param>
    public RopePilots(FineTuneOptions options, HfConfig start, IProgress<string>? note, ICollective ranks)
    {
        (_options, _pilots, _base, _note, _ranks) = (options, options.RopePilots, start, note, ranks);
        _path = new RunFolder(options.Out).PilotsPath;
        Candidates = _pilots.Candidates.Count > 0 ? [.. _pilots.Candidates.Distinct()]
            : start.Family.RopePreference is { LongRopeOnly: true } ? s_longRopeCandidates : s_candidates;
    }

    /// <summary>The scalings that are compared.</summary>
    public IReadOnlyList<RopeType> Candidates { get; }

    /// <summary>The options with a scaling.</summary>
    public static FineTuneOptions With(FineTuneOptions options, RopeType rope) =>
        options with { Rope = options.Rope with { Type = rope } };

    /// <summary>Checks that need no weights: every candidate must extend the model.</summary>
    /// <exception cref="SkipwiseException">no held-out text, a scaling is named too, or the target is no longer than the window</exception>
    public void Validate()
    {
        if (_options.Rope.Type is { } named)
        {
            throw new SkipwiseException(
                $"{OptionName.Of(nameof(RopeOverrides.Type))} {RopeTypeNames.NameOf(named)} names a scaling, and " +
                "pilots choose one: leave one of the two out.");
        }
        if (_options.Evaluation.Data is null)
        {
            throw new SkipwiseException(
                "The pilots that choose the RoPE scaling are compared on held-out text: name it with " +
                $"{OptionName.Of(nameof(TrainingEvaluationOptions.Data))}, or name a scaling with " +
                $"{OptionName.Of(nameof(RopeOverrides.Type))}.");
        }
        foreach (RopeType rope in Candidates)
        {
            FineTuneContract.Extended(With(_options, rope), _base);
        }
    }

    /// <summary>The scaling that the pilots of a run chose, which that run keeps whatever has changed since.</summary>
    /// <exception cref="SkipwiseException">no pilots chose it</exception>
    public static RopeType Kept(RunFolder folder) =>
        Read(folder.PilotsPath) is { } kept && Best(kept.Pilots) is { } best
            ? RopeTypeNames.Parse(best.Rope)
            : throw new SkipwiseException(
                $"{folder.Path}: no pilots chose the scaling of this run. Continue it with the one that {folder.OptionsPath} names " +
                $"({OptionName.Of(nameof(RopeOverrides.Type))}), or start a new run in another {folder.Called}.");

    /// <summary>Held-out documents, cut to the target length, with perplexity at the training length and the target.</summary>
    public TrainingEvaluation Evaluation(ITokenizer tokenizer, IProgress<EvaluationProgress>? measuring, CancellationToken stop) =>
        TrainingEvaluation.Create(
            _options.Evaluation with
            {
                EverySteps = _pilots.Steps,
                Windows = [FineTune.TrainLength(_options, _base.Model), _options.TargetLength],
                PasskeyLengths = [],
                Patience = 0,
            }, _base.Model, tokenizer, measuring, stop, maxTokens: _options.TargetLength)!;

    /// <summary>Runs the pilots that have not been run, and keeps each result when it is there.</summary>
    /// <param name="windows">the run's training windows</param>
    /// <param name="contract">everything that decides the numbers; pilots of others are run again</param>
    /// <param name="evaluation">that of <see cref="Evaluation"/></param>
    /// <param name="progress">called for each pilot with the number of steps; returns the receiver of every step</param>
    /// <returns>the scaling with the lowest perplexity</returns>
    /// <exception cref="OperationCanceledException">stopped; finished pilots are kept</exception>
    /// <exception cref="SkipwiseException">no pilot gave a finite perplexity</exception>
    public RopeType Choose(PoseDataset windows, RunContract contract, TrainingEvaluation evaluation,
        (Device Device, ScalarType Dtype) compute, Func<int, IProgress<StepMetrics>>? progress, CancellationToken stop)
    {
        RankAgreement.RequireContract(_ranks, contract);
        string settings = ContentHash.OfText(contract.ToJson());
        List<RopePilot> kept = _ranks.FromFirst(() => Read(_path) is { } saved && saved.Settings == settings ? [.. saved.Pilots]
            : new List<RopePilot>()), pilots = [];
        int target = _options.TargetLength;
        _note?.Report($"rope: {Candidates.Count} pilots of {_pilots.Steps} steps, measured at {target} tokens of held-out text; their " +
            $"numbers are kept in {_path}");
        foreach (RopeType rope in Candidates)
        {
            string name = RopeTypeNames.NameOf(rope);
            RopePilot? pilot = kept.Find(known => known.Rope == name);
            if (pilot is null)
            {
                ThrowIfStopped(stop);
                pilot = Run(rope, windows, evaluation, compute, progress?.Invoke(_pilots.Steps), stop);
            }
            pilots.Add(pilot);
            if (_ranks.Rank == 0)
            {
                AtomicFile.WriteText(_path, JsonSerializer.Serialize(new Saved(settings, pilots), RunOptionsJson.Options) + "\n");
            }
            _note?.Report($"rope: {InWords(pilot)}");
        }
        RopePilot best = Best(pilots)
            ?? throw new SkipwiseException(
                $"{_path}: no pilot has a finite perplexity at {target} tokens ({InWords(pilots[0])}). Lower " +
                $"{OptionName.Of(nameof(TrainOptions.LearningRate))}, or name a scaling with {OptionName.Of(nameof(RopeOverrides.Type))}.");
        _note?.Report($"rope: {best.Rope} has the lowest perplexity at {target} tokens, and is taken");
        return RopeTypeNames.Parse(best.Rope);
    }

    /// <summary>The run's training with the pilots' number of steps, the same part of them warm-up, but one step at least.</summary>
    public TrainOptions Training
    {
        get
        {
            TrainOptions whole = _options.Training;
            double warmup = whole.Epochs is null ? (double)whole.WarmupSteps * _pilots.Steps / whole.Steps : whole.WarmupSteps;
            return whole with { Steps = _pilots.Steps, Epochs = null, WarmupSteps = (int)Math.Min(Math.Ceiling(warmup), _pilots.Steps) };
        }
    }

    private RopePilot Run(RopeType rope, PoseDataset windows, TrainingEvaluation evaluation,
        (Device Device, ScalarType Dtype) compute, IProgress<StepMetrics>? progress, CancellationToken stop)
    {
        string name = RopeTypeNames.NameOf(rope);
        FineTuneOptions options = With(_options, rope);
        using PretrainedModel pretrained = FineTune.Load(options, _ranks, note: null);
        ITrainable trainable = FineTuneRun.Trainable(options, pretrained);
        using var masters = MasterWeights.Create(trainable.Model, compute.Dtype, compute.Device,
            offload: Training.Offload == Offload.Optimizer && compute.Device.type != DeviceType.CPU, _ranks, Training.Shard);
        using var optimizer = Optimizer.Create(trainable.Model, Training, masters);
        DataParallel? parallel = _ranks.Size == 1 ? null : new DataParallel(_ranks, optimizer, Training.Shard);
        var guard = new StepGuard(Training);
        try
        {
            foreach (StepMetrics metrics in TrainLoop.Run(
                trainable.Model, optimizer, windows, Training, start: null, guard, scaler: null, parallel, stop))
            {
                progress?.Report(metrics);
            }
            ThrowIfStopped(stop);
            IReadOnlyList<EvaluationPoint> points = evaluation.Evaluate(trainable.Model, Training.Steps, _ranks, stop);
            EvaluationPoint far = points.MaxBy(point => point.Length)!, near = points.MinBy(point => point.Length)!;
            return new(name, Finite(far.Value), Finite(far.StandardError), Finite(near.Value));
        }
        // It diverged: a result, and no reason to end the run. Another error may be that of one rank, and the others wait.
        catch (SkipwiseException e) when (_ranks.Size == 1 || guard.State.ConsecutiveSkips > 0)
        {
            return new(name, null, Failure: e.Message);
        }
    }

    private void ThrowIfStopped(CancellationToken stop)
    {
        if (_ranks.IsAnyStopped(stop))
        {
            throw new OperationCanceledException(stop);
        }
    }

    private string InWords(RopePilot pilot)
    {
        if (pilot.Perplexity is not { } far)
        {
            return $"{pilot.Rope}: {pilot.Failure ?? $"the perplexity at {_options.TargetLength} tokens is not finite"}";
        }
        string error = pilot.StandardError is { } known ? Invariant($" ± {known:0.###}") : "";
        return Invariant($"{pilot.Rope}: perplexity {far:0.###}{error} at {_options.TargetLength} tokens, ") +
            Invariant($"{pilot.ShortPerplexity:0.###} at {FineTune.TrainLength(_options, _base.Model)}");
    }

    /// <summary>Null if none has a finite perplexity; of equal ones the first.</summary>
    private static RopePilot? Best(IEnumerable<RopePilot> pilots) =>
        pilots.Where(pilot => pilot.Perplexity is not null).MinBy(pilot => pilot.Perplexity);

    private static double? Finite(double? value) => value is { } number && double.IsFinite(number) ? number : null;

    /// <summary>Null if there is no file, or one that cannot be read: the pilots run again.</summary>
    private static Saved? Read(string path)
    {
        try
        {
            return File.Exists(path) ? JsonText.Deserialize<Saved>(TextFile.Read(path), RunOptionsJson.Options) : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <param name="Settings">hash of everything that decides the numbers</param>
    /// <param name="Pilots">those that have been run, in the order of the candidates</param>
    private sealed record Saved(string Settings, IReadOnlyList<RopePilot> Pilots);
}
