using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Skipwise.Checkpoints;
using Skipwise.Checkpoints.Formats;
using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Data;
using Skipwise.Models;
using Skipwise.Models.Lora;
using Skipwise.Rope;
using Skipwise.Runs;
using Skipwise.Storage;
using Skipwise.Training;
using Skipwise.Training.Optimizers;
using TorchSharp;
using static System.FormattableString;
using static TorchSharp.torch;

namespace Skipwise.Recipes;

/// <summary>
/// Chooses the RoPE scaling of a fine-tune by evidence: each candidate is trained for a few steps on the run's first windows and measured
/// on held-out documents at the target length. The lowest perplexity wins. No rule of the literature says which scaling it will be: it
/// depends on the heads, the window, the factor and the steps (docs/method.md).
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

    /// <param name="options">of the fine-tune, with pilots and held-out text</param>
    /// <param name="start">the base model's configuration</param>
    public RopePilots(FineTuneOptions options, HfConfig start, IProgress<string>? note)
    {
        (_options, _pilots, _base, _note) = (options, options.RopePilots, start, note);
        _path = Path.Combine(options.Out, RunFolder.PilotsName);
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

    /// <summary>Whether the folder has pilots of these options, so that the tokens beside them may be used again.</summary>
    public bool HaveBegun() => Read() is { } kept && kept.Options == Fingerprint(FineTuneContract.OfPilots(_options, Training).ToJson());

    /// <summary>Runs the pilots that have not been run, and keeps each result when it is there.</summary>
    /// <param name="windows">the run's training windows</param>
    /// <param name="documents">hash of the tokens that they are cut from</param>
    /// <param name="evaluation">perplexity at <see cref="Windows"/></param>
    /// <param name="progress">called for each pilot with the number of steps; returns the receiver of every step</param>
    /// <returns>the scaling with the lowest perplexity</returns>
    /// <exception cref="OperationCanceledException">stopped; finished pilots are kept</exception>
    /// <exception cref="SkipwiseException">no pilot gave a finite perplexity</exception>
    public RopeType Choose(PoseDataset windows, string documents, TrainingEvaluation evaluation,
        (Device Device, ScalarType Dtype) compute, Func<int, IProgress<StepMetrics>>? progress, CancellationToken stop)
    {
        string options = Fingerprint(FineTuneContract.OfPilots(_options, Training).ToJson()),
            data = Fingerprint($"{documents} {evaluation.TextHash} {WeightChecksum.OfModel(_options.Model)}");
        List<RopePilot> pilots = Read() is { } kept && kept.Options == options && kept.Data == data ? [.. kept.Pilots] : [];
        int target = evaluation.Windows.Max();
        _note?.Report($"rope: {Candidates.Count} pilots of {Training.Steps} steps, measured at {target} tokens of held-out text; their " +
            $"numbers are kept in {_path}");
        foreach (RopeType rope in Candidates)
        {
            string name = RopeTypeNames.NameOf(rope);
            RopePilot? pilot = pilots.Find(known => known.Rope == name);
            if (pilot is null)
            {
                stop.ThrowIfCancellationRequested();
                pilot = Run(rope, windows, evaluation, compute, progress?.Invoke(Training.Steps), stop);
                pilots.Add(pilot);
                AtomicFile.WriteText(_path, JsonSerializer.Serialize(new Saved(options, data, pilots), RunOptionsJson.Options) + "\n");
            }
            _note?.Report($"rope: {InWords(pilot, evaluation.Windows)}");
        }
        RopePilot best = pilots.Where(pilot => pilot.Perplexity is not null).MinBy(pilot => pilot.Perplexity)
            ?? throw new SkipwiseException(
                $"{_path}: no pilot has a finite perplexity at {target} tokens. Lower " +
                $"{OptionName.Of(nameof(TrainOptions.LearningRate))}, or name a scaling with {OptionName.Of(nameof(RopeOverrides.Type))}.");
        _note?.Report($"rope: {best.Rope} has the lowest perplexity at {target} tokens, and is taken");
        return RopeTypeNames.Parse(best.Rope);
    }

    /// <summary>Windows that perplexity is measured at, in tokens: the training length and the target.</summary>
    public static IReadOnlyList<int> Windows(int trainLength, int targetLength) => [.. ((int[])[trainLength, targetLength]).Distinct()];

    /// <summary>The run's training with the pilots' number of steps, the same part of them warm-up.</summary>
    private TrainOptions Training
    {
        get
        {
            TrainOptions whole = _options.Training;
            double warmup = whole.Epochs is null ? (double)whole.WarmupSteps * _pilots.Steps / whole.Steps : whole.WarmupSteps;
            return whole with { Steps = _pilots.Steps, Epochs = null, WarmupSteps = (int)Math.Min(warmup, _pilots.Steps / 2) };
        }
    }

    private RopePilot Run(RopeType rope, PoseDataset windows, TrainingEvaluation evaluation,
        (Device Device, ScalarType Dtype) compute, IProgress<StepMetrics>? progress, CancellationToken stop)
    {
        string name = RopeTypeNames.NameOf(rope);
        FineTuneOptions options = With(_options, rope);
        using PretrainedModel pretrained = FineTune.Load(options);
        ITrainable trainable = FineTune.Trainable(options, pretrained);
        using var masters = MasterWeights.Create(trainable.Model, compute.Dtype, compute.Device,
            offload: Training.Offload == Offload.Optimizer && compute.Device.type != DeviceType.CPU);
        using var optimizer = Optimizer.Create(trainable.Model, Training, masters);
        try
        {
            foreach (StepMetrics metrics in TrainLoop.Run(trainable.Model, optimizer, windows, Training, stop: stop))
            {
                progress?.Report(metrics);
            }
        }
        catch (SkipwiseException e)
        {
            return new(name, null, Failure: e.Message);
        }
        stop.ThrowIfCancellationRequested();
        IReadOnlyList<EvaluationPoint> points = evaluation.Evaluate(trainable.Model, Training.Steps, stop);
        EvaluationPoint far = points.MaxBy(point => point.Length)!, near = points.MinBy(point => point.Length)!;
        return new(name, Finite(far.Value), far.StandardError, Finite(near.Value));
    }

    private static string InWords(RopePilot pilot, IReadOnlyList<int> windows)
    {
        if (pilot.Failure is { } failure)
        {
            return $"{pilot.Rope}: the pilot failed: {failure}";
        }
        string error = pilot.StandardError is { } known ? Invariant($" ± {known:0.###}") : "";
        return pilot.Perplexity is { } far
            ? Invariant($"{pilot.Rope}: perplexity {far:0.###}{error} at {windows.Max()} tokens, ") +
                Invariant($"{pilot.ShortPerplexity:0.###} at {windows.Min()}")
            : $"{pilot.Rope}: perplexity at {windows.Max()} tokens is not finite";
    }

    private static string Fingerprint(string text) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)).AsSpan(0, 8));

    private static double? Finite(double value) => double.IsFinite(value) ? value : null;

    /// <summary>Null if there is no file, or one that cannot be read: the pilots run again.</summary>
    private Saved? Read()
    {
        try
        {
            return File.Exists(_path) ? JsonText.Deserialize<Saved>(TextFile.Read(_path), RunOptionsJson.Options) : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <param name="Options">hash of the options that decide the numbers</param>
    /// <param name="Data">hash of the training tokens, the held-out tokens and the base's weights</param>
    /// <param name="Pilots">those that have been run</param>
    private sealed record Saved(string Options, string Data, IReadOnlyList<RopePilot> Pilots);
}
