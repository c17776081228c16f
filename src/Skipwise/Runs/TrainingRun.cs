using System.Text.Json;
using Skipwise.Checkpoints;
using Skipwise.Data;
using Skipwise.Distributed;
using Skipwise.Storage;
using Skipwise.Training;
using Skipwise.Training.Optimizers;
using Skipwise.Training.Parallel;
using static TorchSharp.torch;

namespace Skipwise.Runs;

/// <summary>The common part of all training recipes: metrics, evaluations, checkpoints, interruption, resumption.</summary>
internal sealed class TrainingRun : IDisposable
{
    private readonly ITrainable _trainable;
    private readonly TrainOptions _train;
    private readonly RunFolder _folder;
    private readonly SaveOptions _save;
    private readonly TrainingEvaluation? _evaluation;
    private readonly IProgress<string>? _note;
    private readonly ICollective _ranks;
    private readonly MasterWeights _masters;
    private readonly Optimizer _optimizer;
    private readonly DataParallel? _parallel; // null: this process alone
    private readonly TrainProgress _start;
    private readonly StepGuard _guard;
    private readonly LossScaler _scaler;
    private readonly MetricLog? _log, _evaluations; // of rank 0
    private readonly TensorBoardLog? _board;
    private BestCheckpoint _best = new();
    private int _evaluatedStep; // step of the last evaluation
    private int _step; // in work

    /// <param name="options">the effective options, for the user's information</param>
    /// <param name="contract">values that decide the bytes; if the run is resumed they must equal those of the continued run</param>
    /// <param name="compute">device and element type from here on; null: unchanged, float32 on the CPU</param>
    /// <param name="evaluation">evaluation during training</param>
    /// <param name="folder">locked by the caller (<see cref="RunFolder.Lock"/>), on rank 0</param>
    /// <param name="stop">ends the run with a checkpoint of the last whole step; the step in progress is discarded</param>
    /// <param name="note">receives warnings about what earlier processes left</param>
    /// <param name="collective">the ranks that train together, of which rank 0 writes; null: this process alone</param>
    public static TrainingOutcome Run(
        ITrainable trainable, IExampleSource source, TrainOptions train, object options, RunContract contract, RunFolder folder,
        SaveOptions save,
        IProgress<StepMetrics>? progress, CancellationToken stop, TrainingEvaluation? evaluation = null,
        (Device Device, ScalarType Dtype)? compute = null,
        IProgress<string>? note = null, ICollective? collective = null)
    {
        ICollective ranks = collective ?? SingleProcess.Instance;
        if (ranks.Rank == 0)
        {
            RequireStartable(folder, contract, train, save);
        }
        RankAgreement.RequireContract(ranks, contract);
        if (ranks.FromFirst(() => save.Resume && folder.IsFinished))
        {
            return new TrainingOutcome(true, null) { Note = "the run was finished already" };
        }
        (Device, ScalarType) place = compute ?? (CPU, ScalarType.Float32);
        TrainOptions resolved = train.WithStepsFor(source.Count);
        using var run = new TrainingRun(trainable, resolved, options, contract, folder, save, evaluation, place, note, ranks);
        try
        {
            return run.Run(source, progress, stop);
        }
        catch (Exception e) when (FailedStep.Note(e, run._step))
        {
            throw; // never: the filter only notes the step
        }
    }

    private TrainingRun(
        ITrainable trainable, TrainOptions train, object options, RunContract contract, RunFolder folder, SaveOptions save,
        TrainingEvaluation? evaluation,
        (Device Device, ScalarType Dtype) compute,
        IProgress<string>? note, ICollective ranks)
    {
        (_trainable, _train, _folder, _save, _evaluation, _note, _ranks) = (trainable, train, folder, save, evaluation, note, ranks);
        _masters = MasterWeights.Create(trainable.Model, compute.Dtype, compute.Device,
            offload: train.Offload == Offload.Optimizer && compute.Device.type != TorchSharp.DeviceType.CPU, ranks, train.Shard);
        _optimizer = Optimizer.Create(trainable.Model, train, _masters);
        _parallel = ranks.Size == 1 ? null : new DataParallel(ranks, _optimizer, train.Shard);
        try
        {
            _start = Begin(options, contract);
            _guard = new StepGuard(train, _start.Guard);
            _scaler = new LossScaler(_start.Scaler);
            if (ranks.Rank == 0)
            {
                (_log, _evaluations) = OpenLogs();
            }
            IReadOnlyList<EvaluationPoint> measured = evaluation is null ? []
                : ranks.FromFirst(() => JsonLines.Read<EvaluationPoint>(folder.EvaluationsPath));
            if (measured.Count > 0)
            {
                (_best, _evaluatedStep) = (BestCheckpoint.FromPoints(measured), measured[^1].Step);
            }
            if (save.TensorBoard && ranks.Rank == 0)
            {
                _board = new TensorBoardLog(folder, _start.Step > 0 ? JsonLines.Read<StepMetrics>(folder.MetricsPath) : [], measured);
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    private TrainingOutcome Run(IExampleSource source, IProgress<StepMetrics>? progress, CancellationToken stop)
    {
        int step = _step = _start.Step;
        string? saved = step > 0 ? _folder.CheckpointPath(step) : null; // the checkpoint of this step
        // A run that was interrupted during an evaluation, after its checkpoint's step, evaluates first.
        if (step > 0 && !TryEvaluate(step, isLast: step == _train.Steps, stop))
        {
            return new TrainingOutcome(false, saved);
        }
        _step = step + 1;
        foreach (StepMetrics metrics in
            IsOver ? [] : TrainLoop.Run(_trainable.Model, _optimizer, source, _train, _start, _guard, _scaler, _parallel, stop))
        {
            (step, saved) = (metrics.Step, null);
            _step = step;
            _log?.Append(metrics);
            _board?.Write(metrics);
            progress?.Report(metrics);
            bool isLast = step == _train.Steps;
            if (!TryEvaluate(step, isLast, stop))
            {
                return new TrainingOutcome(false, Save(step));
            }
            if (IsOver)
            {
                break;
            }
            if (_save.EverySteps > 0 && step % _save.EverySteps == 0 && !isLast)
            {
                saved = Save(step);
            }
            _step = step + 1;
        }
        if (step < _train.Steps && !IsOver) // stopped
        {
            return new TrainingOutcome(false, step == 0 ? null : saved ?? Save(step));
        }
        _parallel?.RequireEqualWeights();
        using IDisposable masters = _masters.SwapIntoModel();
        SyncLogs();
        Write(() => _folder.Finish(_trainable, _note));
        _ranks.Barrier(); // the model is there, for all of them
        string[] remarks = [.. new[] { _trainable.SavingNote, Remark() }.OfType<string>()];
        return new TrainingOutcome(true, null) { Note = remarks.Length == 0 ? null : string.Join(Environment.NewLine, remarks) };
    }

    private string Save(int step)
    {
        _parallel?.RequireEqualWeights();
        SyncLogs();
        var progress = new TrainProgress(step, TrainLoop.ExamplesAfter(step, _train))
        {
            Guard = _guard.State,
            Scaler = _scaler.State,
            LoggedSteps = _log?.Lines,
            LoggedEvaluations = _evaluations?.Lines,
        };
        Write(() => _folder.SaveCheckpoint(_trainable, _optimizer, progress, _save.KeepLast, _note));
        return _folder.CheckpointPath(step);
    }

    /// <summary>
    /// Lets rank 0 write, which may take as long as it needs. If the optimizer state is divided, all ranks take part: each writes its files
    /// of a checkpoint, and divided weights are gathered.
    /// </summary>
    private void Write(Action write)
    {
        if (_masters.Ranks is null)
        {
            _ranks.OnFirst(write);
        }
        else
        {
            write();
        }
    }

    /// <summary>Flushes the logs before a checkpoint, which must not exist on the disk without its lines.</summary>
    private void SyncLogs()
    {
        _log?.Sync();
        _evaluations?.Sync();
    }

    private (MetricLog Steps, MetricLog? Evaluations) OpenLogs()
    {
        bool resumes = _start.Step > 0;
        MetricLog steps = resumes
            ? MetricLog.Resume<StepMetrics>(_folder.MetricsPath, metrics => metrics.Step <= _start.Step)
            : MetricLog.Create(_folder.MetricsPath);
        try
        {
            WarnOfMissing(steps, _start.LoggedSteps, _folder.MetricsPath, "the plot and the log of these steps stay incomplete");
            if (_evaluation is null)
            {
                return (steps, null);
            }
            MetricLog evaluations = resumes
                ? MetricLog.Resume<EvaluationPoint>(_folder.EvaluationsPath, point => point.Step <= _start.Step)
                : MetricLog.Create(_folder.EvaluationsPath);
            WarnOfMissing(evaluations, _start.LoggedEvaluations, _folder.EvaluationsPath, "a worse model may be taken for the best one");
            return (steps, evaluations);
        }
        catch
        {
            steps.Dispose();
            throw;
        }
    }

    private void WarnOfMissing(MetricLog log, int? expected, string path, string consequence)
    {
        if (log.Lines < expected)
        {
            _note?.Report(
                $"warning: {path}: holds {log.Lines} of the {expected} lines that belong to the checkpoint of step {_start.Step}; "
                + $"the others are lost, so {consequence}");
        }
    }

    /// <summary>Whether the run ends early: too many evaluations without improvement.</summary>
    private bool IsOver => _evaluation?.Options.Patience is > 0 and int patience && _best.EvaluationsSinceBest >= patience;

    private string? Remark() => _best.BestStep == 0
        ? null
        : $"the best checkpoint is the one after step {_best.BestStep}: " +
            $"{_folder.BestPath}{(IsOver ? $"; the run ended early, {_best.EvaluationsSinceBest} evaluations later" : "")}";

    /// <summary>Evaluates if the step is due and has not been evaluated; saves the model if it is the best so far.</summary>
    /// <returns>false when interrupted</returns>
    private bool TryEvaluate(int step, bool isLast, CancellationToken stop)
    {
        if (_evaluation is null || _evaluatedStep == step || !(isLast || step % _evaluation.Options.EverySteps == 0))
        {
            return true;
        }
        IReadOnlyList<EvaluationPoint> points;
        try
        {
            points = _evaluation.Evaluate(_trainable.Model, step, _ranks, stop);
        }
        catch (OperationCanceledException)
        {
            return false;
        }
        _best = _best.Update(step, points);
        if (_best.BestStep == step)
        {
            // before the log records it: a killed run then evaluates again
            Write(() => _folder.SaveBestCheckpoint(_trainable, _optimizer, _note));
        }
        _evaluations?.AppendAll(points);
        foreach (EvaluationPoint point in points)
        {
            _board?.Write(point);
        }
        _evaluatedStep = step;
        return true;
    }

    /// <summary>
    /// Checks that a run with this contract can begin, or continue, in this folder. Recipes call it before they write anything into the
    /// folder.
    /// </summary>
    /// <exception cref="SkipwiseException">a setting out of range, an unfinished run that is not to be resumed, or one with other
    /// options</exception>
    public static void RequireStartable(RunFolder folder, RunContract contract, TrainOptions train, SaveOptions save)
    {
        train.Validate();
        OptionCheck.Require("Saving", save);
        bool exists = File.Exists(folder.OptionsPath);
        if (save.Resume && exists)
        {
            contract.RequireThatOf(folder.ContractPath, folder.Called);
        }
        if (!save.Resume && !save.Overwrite && exists && (folder.IsFinished || folder.Checkpoints().Count > 0))
        {
            throw new SkipwiseException(folder.IsFinished
                ? $"{folder.Path}: holds a finished run. Choose another {folder.Called}, or delete the folder first."
                : $"{folder.Path}: holds an unfinished run. Continue it with {OptionName.Of(nameof(SaveOptions.Resume))}, or choose " +
                    $"another {folder.Called}.");
        }
        bool holdsForeign = !exists && Directory.Exists(folder.Path) && Directory.EnumerateFileSystemEntries(folder.Path).Any(IsForeign);
        if (holdsForeign || File.Exists(folder.Path))
        {
            throw new SkipwiseException(
                $"{folder.Path}: exists and is no training run, so nothing is written into it. Choose another {folder.Called}.");
        }
    }

    private TrainProgress Begin(object options, RunContract contract)
    {
        string? latest = _ranks.FromFirst(() =>
            _save.Resume && File.Exists(_folder.OptionsPath) ? Path.GetFileName(_folder.NewestValidCheckpoint(_note)) : null);
        var start = new TrainProgress(0, 0);
        if (latest is not null)
        {
            start = RunFolder.LoadCheckpoint(_folder.CheckpointPath(latest), _trainable, _optimizer);
            _parallel?.GatherWeights();
        }
        if (_ranks.Rank > 0)
        {
            return start;
        }
        if (latest is null)
        {
            _folder.Clear();
        }
        if (!(_save.Resume && File.Exists(_folder.OptionsPath)))
        {
            AtomicFile.WriteText(_folder.ContractPath, contract.ToJson()); // before run.json, which says that there is a run
        }
        AtomicFile.WriteText(_folder.OptionsPath, Text(options));
        if (_save.ConfigText is { } config)
        {
            AtomicFile.WriteText(_folder.ConfigPath, config);
        }
        return start;
    }

    public void Dispose()
    {
        _log?.Dispose();
        _evaluations?.Dispose();
        _optimizer.Dispose();
        _masters.Dispose();
    }

    /// <summary>Whether an entry is none of a run's first files, which one that was killed before its first step leaves.</summary>
    private static bool IsForeign(string entry) =>
        !entry.EndsWith(TrainingData.StoreExtension, StringComparison.Ordinal)
        && !entry.EndsWith(AtomicFile.Suffix, StringComparison.Ordinal)
        && Path.GetFileName(entry) is not (FolderClaim.LockName or RunFolder.ContractName or RunFolder.PilotsName
            or RankFiles.FolderName);

    private static string Text(object options) => JsonSerializer.Serialize(options, RunOptionsJson.Options) + "\n";
}
